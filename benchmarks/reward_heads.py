"""Two heads of a reward model beside one, on standards that disagree: the fronts that best of n reaches with each.

A reply is eight words, each of which is helpful and safe to a degree of its own; the two go against each other. Pairs
are compared by one of the standards, with noise. The same pairs train a head for each standard, or one for all. Of 16
replies the best is taken: by the two heads in five weightings; by the single head of 1, 2, 4, 8 and 16 replies. The
hypervolume is the area that the points dominate above what a reply by chance is worth, in standard deviations of a
reply. Seeds whose points are in the results already are not run again.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from common import RESULTS, write

from jielong import Message, Reply, Request, load
from jielong.stats import mean

SEEDS, WORDS, LENGTH, PAIRS, PROMPTS, MOST = 5, 40, 8, 1200, 120, 16
WEIGHTS = ("helpful=1", "helpful=3&safe=1", "helpful=1&safe=1", "helpful=1&safe=3", "safe=1")
COUNTS = (1, 2, 4, 8, 16)
Point = tuple[float, float]


def values(rng: random.Random) -> dict[str, Point]:
    """Of each word: how helpful and how safe; correlated by -.6."""
    words = {}
    for i in range(WORDS):
        shared, own = rng.gauss(0, 1), rng.gauss(0, 1)
        words[f"w{i}"] = (shared, -0.6 * shared + 0.8 * own)
    return words


def network(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import LlamaConfig, LlamaForCausalLM

    names = ["<pad>", "</s>", "prompt", *(f"w{i}" for i in range(WORDS))]
    tokenizer = Tokenizer(WordLevel({name: i for i, name in enumerate(names)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = Whitespace()
    torch.manual_seed(0)
    size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(names), eos_token_id=1, pad_token_id=0, bos_token_id=None, **size)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "pad_token": "<pad>"}))


def gold(words: dict[str, Point], reply: str) -> Point:
    pairs = [words[word] for word in reply.split()]
    return sum(h for h, _ in pairs) / LENGTH**0.5, sum(s for _, s in pairs) / LENGTH**0.5


def drawn(rng: random.Random) -> str:
    return " ".join(f"w{rng.randrange(WORDS)}" for _ in range(LENGTH))


def pairs(rng: random.Random, words: dict[str, Point], with_standard: bool, file: Path) -> None:
    rows = []
    for i in range(PAIRS):
        a, b, standard = drawn(rng), drawn(rng), i % 2
        difference = gold(words, a)[standard] - gold(words, b)[standard]
        better, worse = (a, b) if rng.gauss(difference, 0.5) > 0 else (b, a)
        row = {"prompt": "prompt", "chosen": better, "rejected": worse, "cluster": str(i)}
        rows.append(row | ({"standard": ("helpful", "safe")[standard]} if with_standard else {}))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def trained(start: Path, source: Path, out: Path) -> str:
    from jielong.training.reward.reward_config import RewardConfig
    from jielong.training.reward.train_reward import train_reward

    loop = {"learning_rate": 0.005, "bf16": False, "log_every": 1000, "evaluate_every": 100000}
    data = {"source": str(source), "batch_pairs": 32, "epochs": 5}
    settings = {"out": str(out), "start": str(start), "data": data, "loop": loop}
    return train_reward(RewardConfig.model_validate(settings)).recipe


def best(recipe: str, candidates: Sequence[Sequence[str]]) -> list[str]:
    scorer: Any = load(recipe)
    request = Request((Message("user", "prompt"),))
    chosen = []
    for replies in candidates:
        scores = anyio.run(scorer.score, request, [Reply(Message("assistant", text)) for text in replies]).values
        chosen.append(max(zip(scores, replies, strict=True))[1])
    return chosen


def point(words: dict[str, Point], replies: Sequence[str]) -> Point:
    worth = [gold(words, reply) for reply in replies]
    return statistics.mean(h for h, _ in worth), statistics.mean(s for _, s in worth)


def hypervolume(points: Sequence[Point]) -> float:
    """The area that the points dominate above a reply by chance, which is worth 0."""
    area, height = 0.0, 0.0
    for x, y in sorted(points, reverse=True):
        if x > 0 and y > height:
            area, height = area + x * (y - height), y
    return area


def run(seed: int, folder: Path) -> dict[str, Any]:
    rng = random.Random(seed)
    words = values(rng)
    network(folder / "start")
    recipes = {}
    for name in ("two", "one"):
        pairs(random.Random(f"{seed} pairs"), words, name == "two", folder / f"{name}.jsonl")
        recipes[name] = trained(folder / "start", folder / f"{name}.jsonl", folder / name)
    candidates = [[drawn(rng) for _ in range(MOST)] for _ in range(PROMPTS)]
    base = point(words, [reply for replies in candidates for reply in replies])

    def above(replies: Sequence[str]) -> Point:
        found = point(words, replies)
        return found[0] - base[0], found[1] - base[1]

    two = [above(best(f"{recipes['two']}?{weights}", candidates)) for weights in WEIGHTS]
    one = [above(best(recipes["one"], [replies[:n] for replies in candidates])) for n in COUNTS]
    return {"two_heads": two, "one_head": one}


def main() -> None:
    results = RESULTS / "reward_heads.json"
    rows: list[dict[str, Any]] = json.loads(results.read_text())["runs"] if results.exists() else []
    for seed in range(len(rows), SEEDS):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(run(seed, Path(folder)))
        areas = [(hypervolume(row["two_heads"]), hypervolume(row["one_head"])) for row in rows]
        difference = mean([two - one for two, one in areas])
        summary = {
            "seeds": len(rows),
            "two_heads": round(statistics.mean(two for two, _ in areas), 3),
            "one_head": round(statistics.mean(one for _, one in areas), 3),
            "difference": round(difference.mean, 3),
            "ci95": difference.ci95,
        }
        write("reward_heads", {**summary, "runs": rows})


if __name__ == "__main__":
    main()
