"""Reward models on comparisons of people (hh-rlhf, harmless), in five folds by the dialogue's first message.

    python benchmarks/reward_hh.py --encoder FOLDER [--folds 5] [--pairs N] [--step encoder|ours|report]

`words` and `length` are the baselines of `jielong train reward`; `frozen encoder` is logistic regression on the
difference of the mean states of both dialogues; `ours` is `jielong train reward` on the same encoder. Every pair is
judged by a model that saw neither it nor its dialogue. What exists already in the working folder is not done again.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, write

from jielong.stats import mean, paired_difference
from jielong.training.data.preference_data import Preference, grouped_folds, read_preferences
from jielong.training.reward.reward_baselines import baselines
from jielong.training.reward.reward_report import calibration_error, fitted_slope

DATA = ROOT / "shared/data/hh_rlhf_harmless/pairs.jsonl"
PENALTIES = (1.0, 10.0, 100.0)  # of the frozen encoder's regression; chosen within the training folds


def prepared(source: Path, work: Path, pairs: int | None) -> Path:
    """The pairs with what must not be divided as their cluster."""
    file = work / "pairs.jsonl"
    rows = [json.loads(line) for line in source.read_text().splitlines()][:pairs]
    for row in rows:
        row["cluster"] = row["chosen"].split("\n\nAssistant:")[0]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def static_checkpoint(folder: Path) -> Path:
    """A network of one layer, random by a seed, over the static vectors that WordLlama's wheel holds."""
    if (folder / "config.json").exists():
        return folder
    import torch
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM

    package = Path(str(find_spec("wordllama").origin)).parent  # type: ignore[union-attr]
    vectors = load_file(package / "weights/l2_supercat_256.safetensors")["embedding.weight"].astype(np.float32)
    torch.manual_seed(0)
    size = {"hidden_size": vectors.shape[1], "intermediate_size": 512, "num_hidden_layers": 1, "num_attention_heads": 4}
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    network = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(vectors), max_position_embeddings=2048, tie_word_embeddings=True, **size, **tokens)
    )
    network.model.embed_tokens.weight.data.copy_(torch.from_numpy(vectors))
    network.save_pretrained(folder)
    tokenizer = Tokenizer.from_file(str(package / "tokenizers/l2_supercat_tokenizer_config.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": 2048}))
    return folder


def dialogue(preference: Preference, reply: Any) -> str:
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in (*preference.prompt, *reply))


def mean_states(encoder: Path, preferences: list[Preference], file: Path, length: int = 128) -> np.ndarray:
    """(pairs, 2, hidden): mean of the encoder's last states over the last `length` tokens of each dialogue."""
    if file.exists():
        return np.load(file)
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer, network = Tokenizer.from_file(str(encoder / "tokenizer.json")), AutoModel.from_pretrained(encoder).eval()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vectors = []
    for each in preferences:
        for reply in (each.chosen, each.rejected):
            ids = tokenizer.encode(dialogue(each, reply)).ids
            ids = ids if len(ids) <= length else [ids[0], *ids[1 - length :]]
            with torch.inference_mode():
                vectors.append(network(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy())
    states = np.array(vectors, dtype=np.float64).reshape(len(preferences), 2, -1)
    np.save(file, states)
    return states


def logistic(x: np.ndarray, penalty: float) -> np.ndarray:
    from scipy.optimize import minimize

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ weights
        slope = -1 / (1 + np.exp(np.clip(z, -60, 60)))
        return float(np.logaddexp(0, -z).sum() + penalty * weights @ weights / 2), x.T @ slope + penalty * weights

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def frozen(states: np.ndarray, folds: np.ndarray, fold: int) -> np.ndarray:
    differences = states[:, 0] - states[:, 1]
    known = differences[folds != fold]
    scale = known.std(0) + 1e-9
    inner = np.arange(len(known)) % 4
    scores = [
        np.mean(
            [(known[inner == i] / scale @ logistic(known[inner != i] / scale, penalty) > 0).mean() for i in range(4)]
        )
        for penalty in PENALTIES
    ]
    return differences[folds == fold] / scale @ logistic(known / scale, PENALTIES[int(np.argmax(scores))])


def ours(encoder: Path, file: Path, work: Path, folds: int, fold: int, settings: dict[str, Any]) -> None:
    from jielong.training.reward.reward_config import RewardConfig
    from jielong.training.reward.train_reward import train_reward

    out = work / f"fold{fold}"
    if (out / "rewards.jsonl").exists():
        return
    data = {"source": str(file), "folds": folds, "fold": fold, **settings["data"]}
    config = {**settings, "out": str(out), "start": str(encoder), "data": data}
    train_reward(RewardConfig.model_validate(config), lambda point: print(fold, point.step, point.loss, flush=True))


def figures(name: str, differences: np.ndarray, clusters: list[str]) -> dict[str, Any]:
    right = [1.0 if d > 0 else 0.5 if d == 0 else 0.0 for d in differences]
    estimate = mean(right, clusters)
    slope = fitted_slope(differences)
    return {
        "name": name, "accuracy": round(estimate.mean, 4), "ci95": estimate.ci95, "right": right,
        "calibration_error": round(calibration_error(differences), 4), "slope": round(slope, 3),
        "scaled_calibration_error": round(calibration_error(differences * slope), 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--encoder", type=Path, required=True, help="a frozen one, beside ours")
    parser.add_argument("--start", type=Path, help="what ours begins with; static vectors under a layer without it")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, default=Path("build/reward_hh"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--only", type=int, nargs="*", help="folds to train; none: only what is not trained")
    parser.add_argument("--length", type=int, default=80)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--adapter", type=int, help="rank of a LoRA in place of all weights")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    file = prepared(asked.data, asked.work, asked.pairs)
    preferences = list(read_preferences(file).preferences)
    folds = np.array(grouped_folds(preferences, asked.folds))
    loop = {"learning_rate": asked.rate, "bf16": False, "weight_decay": 0.1, "log_every": 10, "evaluate_every": 100000}
    data = {"batch_pairs": 32, "epochs": asked.epochs, "length": asked.length}
    settings: dict[str, Any] = {"loop": loop, "data": data}
    if asked.adapter:
        settings["adapter"] = {"rank": asked.adapter, "targets": ["query", "value"]}
    start = asked.start or static_checkpoint(asked.work / "start")
    states = mean_states(asked.encoder, preferences, asked.work / "states.npy")
    trained = range(asked.folds) if asked.only is None else asked.only
    for fold in trained:
        ours(start, file, asked.work, asked.folds, fold, settings)
    done = [fold for fold in range(asked.folds) if (asked.work / f"fold{fold}" / "rewards.jsonl").exists()]
    found: dict[str, list[np.ndarray]] = {"length": [], "words": [], "frozen encoder": [], "ours": []}
    clusters: list[str] = []
    for fold in done or range(asked.folds):
        training = [each for each, f in zip(preferences, folds, strict=True) if f != fold]
        tested = [each for each, f in zip(preferences, folds, strict=True) if f == fold]
        for baseline in baselines(training, tested):
            found[baseline.name].append(baseline.differences)
        found["frozen encoder"].append(frozen(states, folds, fold))
        if done:
            rows = [json.loads(line) for line in (asked.work / f"fold{fold}/rewards.jsonl").read_text().splitlines()]
            by_place = {row["place"]: row["chosen"] - row["rejected"] for row in rows}
            found["ours"].append(np.array([by_place[each.place] for each in tested]))
        clusters += [each.cluster for each in tested]
    results = [figures(name, np.concatenate(parts), clusters) for name, parts in found.items() if parts]
    best = {row["name"]: row["right"] for row in results}
    for row in results:
        paired = paired_difference(row.pop("right"), best["ours"], clusters) if done else None
        if paired and row["name"] != "ours":
            row["ours_minus_it"] = {"difference": paired.difference, "ci95": paired.ci95, "p": paired.p}
    note = {
        "encoder": asked.encoder.name,
        "start": start.name,
        "folds": len(done),
        "of": asked.folds,
        "settings": settings,
    }
    write("reward_hh", {"pairs": len(clusters), **note, "models": results})


if __name__ == "__main__":
    main()
