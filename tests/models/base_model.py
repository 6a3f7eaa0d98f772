"""A base model of nothing in particular: random weights, a tokenizer that writes "ab" as one token."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

WIDTH, HIDDEN, CONTEXT = 16, 32, 64


def write_base_model(folder: Path, *, begins: bool = True, merge: tuple[str, str] = ("a", "b"), **settings: Any) -> str:
    """Its recipe. `begins`: the tokenizer writes `<s>` before texts; `settings` go into tokenizer_config.json."""
    characters = sorted({*pre_tokenizers.ByteLevel.alphabet(), *merge})
    words = ["<s>", "</s>", *characters, "".join(merge)]
    ids = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.BPE(ids, [merge]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, normalized=False) for word in words[:2]])
    if begins:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
        "hidden_size": WIDTH, "intermediate_size": HIDDEN, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 2, "vocab_size": len(words), "max_position_embeddings": CONTEXT,
        "rope_theta": 10000.0, "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 1,
    }  # fmt: skip
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens": (len(words), WIDTH), "model.norm": (WIDTH,)}
    layer = {"input_layernorm": (WIDTH,), "post_attention_layernorm": (WIDTH,), "mlp.down_proj": (WIDTH, HIDDEN)}
    layer |= {f"self_attn.{name}_proj": (WIDTH, WIDTH) for name in "qkvo"}
    layer |= {f"mlp.{name}_proj": (HIDDEN, WIDTH) for name in ("gate", "up")}
    shapes |= {f"model.layers.0.{name}": shape for name, shape in layer.items()}
    random = np.random.default_rng(0)
    tensors = {f"{name}.weight": random.normal(0, 0.5, shape).astype("f4") for name, shape in shapes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(config))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names | settings))
    return f"local:{folder}?engine=numpy"
