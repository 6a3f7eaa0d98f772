"""A checkpoint of mini with more tokens, to be trained on: characters and pieces of words that its world has got since.

python scripts/mini_widen_vocabulary.py OLD_WEIGHTS OUT --vocabulary 3328

What was one token stays that token, so that what the network knows of names is kept. New pieces begin as the mean of
their parts, new characters as the mean of all Chinese characters.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from jielong import world
from jielong.models.mini.tokenizer import SPACE, TEMPLATE
from jielong.training.mini_exam_forms import NAME

DOCUMENTS = 60_000
LEAST_TIMES = 8
WORD = re.compile(rf"{SPACE}?[A-Za-z']+")
EMBEDDING = "model.embed_tokens.weight"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--vocabulary", type=int, default=3328)
    told = parser.parse_args()
    description = json.loads((told.old / "tokenizer.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_file(str(told.old / "tokenizer.json"))
    characters, words = _counts()
    vocabulary, merges = description["model"]["vocab"], description["model"]["merges"]
    embedding = load_file(told.old / "model.safetensors")[EMBEDDING].float()
    chinese = [id for token, id in vocabulary.items() if len(token) == 1 and "\u3400" <= token <= "\u9fff"]
    rows = list(embedding)
    torch.manual_seed(0)
    for character, times in characters.most_common():
        if character not in vocabulary and times >= LEAST_TIMES and len(vocabulary) < told.vocabulary:
            vocabulary[character] = len(vocabulary)
            rows.append(embedding[chinese].mean(0) + embedding[chinese].std(0) * torch.randn(embedding.shape[1]) * 0.3)
    pieces = {word: tuple(tokenizer.encode(word.replace(SPACE, ""), is_pretokenized=False).tokens) for word in words}
    while len(vocabulary) < told.vocabulary:
        pairs = Counter[tuple[str, str]]()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        joined = "".join(best)
        merges.append(list(best))
        if joined not in vocabulary:
            vocabulary[joined] = len(vocabulary)
            rows.append((rows[vocabulary[best[0]]] + rows[vocabulary[best[1]]]) / 2)
        pieces = {word: _merged(parts, best, joined) for word, parts in pieces.items()}
    _write(told.old, told.out, description, torch.stack(rows))


def _counts() -> tuple[Counter[str], Counter[str]]:
    """How often each character and each word that is no invented name stands in the documents of the world."""
    characters, words = Counter[str](), Counter[str]()
    for number in range(DOCUMENTS):
        for turn in world.document(0, number).turns:
            characters.update(character for character in turn.text if not character.isspace())
            text = NAME.sub(" ", turn.text)
            words.update(WORD.findall(SPACE + re.sub(r"\s", SPACE, text)))
    return characters, Counter({word: times for word, times in words.items() if word.startswith(SPACE)})


def _merged(parts: tuple[str, ...], pair: tuple[str, str], joined: str) -> tuple[str, ...]:
    if pair[0] not in parts:
        return parts
    made: list[str] = []
    for part in parts:
        if made and (made[-1], part) == pair:
            made[-1] = joined
        else:
            made.append(part)
    return tuple(made)


def _write(old: Path, out: Path, description: dict[str, object], embedding: torch.Tensor) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "tokenizer.json").write_text(json.dumps(description, ensure_ascii=False, indent=1), "utf-8")
    weights = load_file(old / "model.safetensors")
    weights[EMBEDDING] = embedding.to(torch.bfloat16)
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((old / "config.json").read_text()) | {"vocab_size": len(embedding)}
    (out / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    for name in ("generation_config.json", "exposures.json"):
        shutil.copyfile(old / name, out / name)
    settings = json.loads((old / "tokenizer_config.json").read_text("utf-8")) | {"chat_template": TEMPLATE}
    text = json.dumps(settings, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (out / "tokenizer_config.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
