"""Convert Karpathy's stories260K from llama2.c's format to the Hugging Face layout that `local:` reads.

    python examples/stories260k_to_hf.py SOURCE_DIR OUT_DIR
    jielong ask "Once upon a time" -m local:OUT_DIR

SOURCE_DIR holds `stories260K.bin` (a version-0 checkpoint) and `tok512.bin`, both from karpathy/tinyllamas. Follows
`run.c` and `export.py` of karpathy/llama2.c. Two things differ:
- the rotary embedding turns neighbouring pairs of a head (0,1), (2,3), … there, and pairs across its halves
  (0,h/2), (1,h/2+1), … here; so the rows of the query and key matrices change places;
- the tokenizer merges by score there, and by an ordered list of merges here.
Needs numpy, safetensors and tokenizers; no torch.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

UNK, BOS, EOS = "<unk>", "<s>", "</s>"


def read_weights(file: Path) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    """The seven numbers of the header, and the matrices by their Hugging Face names."""
    header = struct.unpack("<7i", file.read_bytes()[:28])
    dim, hidden, layers, heads, kv_heads, vocab, _ = header
    flat, at = np.fromfile(file, dtype="<f4", offset=28), 0

    def take(*size: int) -> np.ndarray:
        nonlocal at
        count = int(np.prod(size))
        if at + count > flat.size:
            sys.exit(f"{file}: {flat.size} numbers; its header asks for more: not a version-0 llama2.c checkpoint")
        at += count
        return flat[at - count : at].reshape(size)

    def halves(rows: np.ndarray, heads: int) -> np.ndarray:
        pairs = rows.reshape(heads, -1, 2, dim)
        return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(-1, dim)

    tensors = {"model.embed_tokens.weight": take(vocab, dim)}  # also the output matrix: vocab > 0 says "shared"
    order = {
        "input_layernorm": (dim,),
        "self_attn.q_proj": (dim, dim),
        "self_attn.k_proj": (dim // heads * kv_heads, dim),
        "self_attn.v_proj": (dim // heads * kv_heads, dim),
        "self_attn.o_proj": (dim, dim),
        "post_attention_layernorm": (dim,),
        "mlp.gate_proj": (hidden, dim),
        "mlp.down_proj": (dim, hidden),
        "mlp.up_proj": (hidden, dim),
    }
    for name, size in order.items():
        for layer, matrix in enumerate(take(layers, *size)):
            turned = {"self_attn.q_proj": heads, "self_attn.k_proj": kv_heads}.get(name)
            tensors[f"model.layers.{layer}.{name}.weight"] = halves(matrix, turned) if turned else matrix.copy()
    tensors["model.norm.weight"] = take(dim)
    return header, tensors


def read_tokenizer(file: Path, size: int) -> Tokenizer:
    """BPE with byte fallback. A piece that is the best of its score comes from every pair that makes it."""
    data, at, pieces = file.read_bytes(), 4, []
    for _ in range(size):
        score, length = struct.unpack_from("<fi", data, at)
        pieces.append((data[at + 8 : at + 8 + length].decode().replace(" ", "▁"), score))
        at += 8 + length
    words = [UNK, BOS, EOS] + [word for word, _ in pieces[3:]]
    ids = {word: i for i, word in enumerate(words)}
    by_score = sorted(range(259, size), key=lambda i: -pieces[i][1])
    merges = [
        (words[i][:cut], words[i][cut:])
        for i in by_score
        for cut in range(1, len(words[i]))
        if words[i][:cut] in ids and words[i][cut:] in ids
    ]
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token=UNK, fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, ids[BOS])])
    tokenizer.add_special_tokens([AddedToken(word, normalized=False) for word in (UNK, BOS, EOS)])
    return tokenizer


def main(source: Path, out: Path) -> None:
    header, tensors = read_weights(source / "stories260K.bin")
    tokenizer = read_tokenizer(source / "tok512.bin", size=header[5])
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    config = dict(zip((*names, "vocab_size", "max_position_embeddings"), header, strict=True)) | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "dtype": "float32",
        "bos_token_id": 1,
        "eos_token_id": 1,  # a story ends where the next begins, as run.c has it
    }
    special = {"bos_token": BOS, "eos_token": EOS, "unk_token": UNK}
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": header[6], **special}
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "config.json").write_text(json.dumps(config, indent=2))
    (out / "tokenizer_config.json").write_text(json.dumps(described, indent=2))
    (out / "generation_config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": [1, 2]}, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python stories260k_to_hf.py SOURCE_DIR OUT_DIR")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
