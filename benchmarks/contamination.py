"""Contamination: how fast and surely a corpus is searched, and how often a model that read a benchmark is found out.

    python benchmarks/contamination.py corpus --data DATA    # a folder with gsm8k, cmmlu, wikitext2, demo_instruct_pref
    python benchmarks/contamination.py model                 # a minute on one core

Corpus: 100 MB of real text in English and as much in Chinese, pieces of it shuffled and repeated, in which a third of
the questions are planted in six forms, beside boilerplate: the beginnings and ends of the other questions. Model: a
neural language model of 46,000 weights, in NumPy, is trained on other items once, and then ten times on a benchmark of
200 items. The one that never read it is tested on 1,000 reorderings of a benchmark.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, write

from jielong.measuring.corpus_search import question_of, search_corpus
from jielong.prompts import language
from jielong.tasks.load_task import load_task

MEGABYTES = 100

# --- corpus -----------------------------------------------------------------------------------------------------------


def parts_of(text: str) -> tuple[list[str], str]:
    """Its words, or its characters where it is Chinese, and what stands between them."""
    return (list(text), "") if language(text) == "zh" else (text.split(), " ")


def wrapped(text: str) -> str:
    lines = textwrap.wrap(text, 37) if language(text) == "en" else [text[i : i + 11] for i in range(0, len(text), 11)]
    return "\n> ".join(lines)


def reworded(text: str, rng: random.Random) -> str:
    """Every eighth word is left out, or another one stands in its place."""
    words, joint = parts_of(text)
    drawn = [(word, rng.random()) for word in words]
    kept = [rng.choice(words) if draw < 0.06 else word for word, draw in drawn if draw < 0.94]
    return joint.join(kept)


FORMS: dict[str, Callable[[str, random.Random], str]] = {
    "verbatim": lambda text, rng: text,
    "embedded": lambda text, rng: f"As somebody once asked, {text} was what nobody knew.",
    "rewrapped": lambda text, rng: wrapped(text),
    "capitals": lambda text, rng: f"**{text.upper()}**",
    "json": lambda text, rng: '{"question": "' + text.replace('"', "'") + '"}',
    "reworded": reworded,
}


def boilerplate(text: str) -> str:
    """How a question begins, and how it ends: a third of it together."""
    words, joint = parts_of(text)
    sixth = len(words) // 6
    return f"{joint.join(words[:sixth])} …\n… {joint.join(words[len(words) - sixth :])}"


def search(task_file: Path, sources: Sequence[Path]) -> dict[str, Any]:
    rng = random.Random(0)
    task = load_task(str(task_file))
    texts = "\n".join(file.read_text() for file in sources)
    pieces = [texts[i : i + 2000] for i in range(0, len(texts), 2000)]
    items = rng.sample(task.items, len(task.items))
    planted = items[: len(items) // 3]
    forms = {item.id: list(FORMS)[i % len(FORMS)] for i, item in enumerate(planted)}
    times = MEGABYTES * 1_000_000 // sum(len(piece.encode()) for piece in pieces) + 1
    pieces = [piece for _ in range(times) for piece in rng.sample(pieces, len(pieces))]
    for item in items:
        text = question_of(item)
        line = FORMS[forms[item.id]](text, rng) if item.id in forms else boilerplate(text)
        pieces[rng.randrange(len(pieces))] += f"\n\n{line}\n\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "corpus.txt"
        file.write_text("\n".join(pieces))
        megabytes = file.stat().st_size / 1e6
        del texts, pieces
        cpu = time.process_time()
        result = search_corpus(task, [file])
        cpu = time.process_time() - cpu
    judged = {item.id for item in items} - set(result.unjudged)
    whole, some = ({i.id for i in result.found if i.whole or not only} for only in (True, False))
    recall = {}
    for form in FORMS:
        ids = {item for item, of in forms.items() if of == form and item in judged}
        recall[form] = {"n": len(ids), "whole": len(ids & whole) / len(ids), "some": len(ids & some) / len(ids)}
    texts_planted = {question_of(item) for item in planted}
    others = {item.id for item in items[len(planted) :] if question_of(item) not in texts_planted} & judged
    return {
        "items": len(items), "unjudged": len(result.unjudged), "megabytes": megabytes, "cpu_s": cpu,
        "megabytes_a_second": megabytes / cpu, "recall": recall, "boilerplate": len(others),
        "false_alarms": len(others & whole), "false_in_part": len((others & some) - whole),
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }  # fmt: skip


def corpus(data: Path, written_in: str) -> dict[str, Any]:
    demo = data / "demo_instruct_pref"
    if written_in == "en":
        return search(data / "gsm8k/train.jsonl", [data / "wikitext2/test.txt", demo / "wiki_demo.txt"])
    return search(data / "cmmlu/dev", [demo / "alpaca_zh_demo.json", demo / "dpo_zh_demo.json"])


# --- model ------------------------------------------------------------------------------------------------------------

NAMES = [first + last for first in "Pa Nu Ki Lo Me Ra Si To".split() for last in "ta ri mo ne la su".split()]
WORDS = [*NAMES, *map(str, range(10, 100)), "has", "beads", "and", ".", "\n"]
NUMBER_OF = {word: i + 1 for i, word in enumerate(WORDS)}  # 0: the beginning
VOCABULARY, CONTEXT, WIDTH, HIDDEN = len(WORDS) + 1, 12, 16, 128
Text = list[str]


def new_item(rng: random.Random) -> Text:
    first, second = rng.choices(NAMES, k=2)
    few, many = (str(rng.randrange(10, 100)) for _ in range(2))
    return [first, "has", few, "beads", "and", second, "has", many, ".", "\n"]


@dataclass
class Network:
    """The model of Bengio et al. (2003): the last `CONTEXT` tokens as vectors, one hidden layer, each next token."""

    weights: list[Any]

    @classmethod
    def new(cls) -> Network:
        rng = np.random.default_rng(0)
        shapes = ((VOCABULARY, WIDTH), (CONTEXT * WIDTH, HIDDEN), (HIDDEN, VOCABULARY), (VOCABULARY,))
        return cls([rng.normal(0, shape[0] ** -0.5 if len(shape) > 1 else 0, shape) for shape in shapes])

    def forward(self, contexts: Any) -> tuple[Any, Any, Any]:
        """Of contexts (n, CONTEXT): their vectors, the hidden layer, the log-probabilities (n, VOCABULARY)."""
        embedding, first, second, bias = self.weights
        vectors = embedding[contexts].reshape(len(contexts), -1)
        hidden = np.maximum(vectors @ first, 0)
        logits = hidden @ second + bias
        return (
            vectors,
            hidden,
            logits - np.log(np.exp(logits - (top := logits.max(1, keepdims=True))).sum(1, keepdims=True)) - top,
        )

    def gradients(self, contexts: Any, targets: Any) -> list[Any]:
        vectors, hidden, logprobs = self.forward(contexts)
        error = np.exp(logprobs) / len(targets)
        error[np.arange(len(targets)), targets] -= 1 / len(targets)
        back = (error @ self.weights[2].T) * (hidden > 0)
        embedding = np.zeros_like(self.weights[0])
        np.add.at(embedding, contexts.reshape(-1), (back @ self.weights[1].T).reshape(-1, WIDTH))
        return [embedding, vectors.T @ back, hidden.T @ error, error.sum(0)]


def contexts_of(texts: Any) -> Any:
    """(texts, length) → (texts * length, CONTEXT): what stands before each token; 0 before the first."""
    padded = np.pad(texts, ((0, 0), (CONTEXT, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT, axis=1)[:, :-1]
    return windows.reshape(-1, CONTEXT)


def train(network: Network, items: Sequence[Text], epochs: int, length: int = 40) -> Network:
    """Another one, trained by Adam on the items in their order, `length` tokens at a time in any order."""
    network, rng = Network([weight.copy() for weight in network.weights]), random.Random(0)
    means, squares = ([np.zeros_like(weight) for weight in network.weights] for _ in range(2))
    tokens = np.array([[NUMBER_OF[word] for item in items for word in item]])
    contexts, targets, step = contexts_of(tokens), tokens[0], 0
    for _ in range(epochs):
        begins = list(range(0, len(targets), length))
        for begin in rng.sample(begins, len(begins)):
            step += 1
            gradients = network.gradients(contexts[begin : begin + length], targets[begin : begin + length])
            for weight, mean, square, gradient in zip(network.weights, means, squares, gradients, strict=True):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient**2 - square)
                rate = 3e-3 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
                weight -= rate * mean / (np.sqrt(square) + 1e-8)
    return network


def logprobs(network: Network, texts: Sequence[Text]) -> tuple[Any, Any]:
    """Of each token of texts of one length, and less the mean in standard deviations of its distribution."""
    tokens = np.array([[NUMBER_OF[word] for word in text] for text in texts])
    every = network.forward(contexts_of(tokens))[2]
    own = every[np.arange(tokens.size), tokens.reshape(-1)]
    mean = (np.exp(every) * every).sum(1)
    deviation = np.sqrt((np.exp(every) * (every - mean[:, None]) ** 2).sum(1))
    return own.reshape(tokens.shape), ((own - mean) / deviation).reshape(tokens.shape)


def order_p(network: Any, items: Sequence[Text]) -> float:
    from jielong.measuring.memory_metrics import other_orders
    from jielong.measuring.model_contamination import GROUP, ORDERS, order_evidence

    texts = [" ".join(item) for item in items]
    groups = [texts[i : i + GROUP] for i in range(0, len(items) - GROUP + 1, GROUP)]
    orders = [order for group in groups for order in (group, *other_orders(group, ORDERS))]
    totals = logprobs(network, [" ".join(order).split(" ") for order in orders])[0].sum(1)
    p = order_evidence(totals.reshape(len(groups), -1).tolist(), 0).p
    assert p is not None
    return p


def min_k(network: Any, items: Sequence[Text]) -> list[float]:
    values = logprobs(network, items)[1]
    values.sort(axis=1)
    return list(values[:, : max(1, round(0.2 * values.shape[1]))].mean(1))


def model(worlds: int, reorderings: int, n: int) -> dict[str, Any]:
    from jielong.measuring.model_contamination import familiarity_evidence
    from jielong.stats import holm, mean

    rng, cpu = random.Random(1), time.process_time()
    clean = train(Network.new(), [new_item(rng) for _ in range(2000)], 1)
    found: dict[str, list[float]] = {"order": [], "likelihood": [], "either (Holm)": []}
    for world in range(worlds):
        rng = random.Random(f"world {world}")
        items, reference = ([new_item(rng) for _ in range(n)] for _ in range(2))
        network = train(clean, items, 10)
        likelihood = familiarity_evidence("likelihood", min_k(network, items), min_k(network, reference), 0).p
        ps = [order_p(network, items), likelihood]
        for name, p in zip(found, [*ps, min(p for p in holm(ps) if p is not None)], strict=True):
            found[name].append(float(p is not None and p < 0.05))
        print(world, ps, round(time.process_time() - cpu), flush=True)
    rng = random.Random(2)
    items = [new_item(rng) for _ in range(36)]
    alarms = 0
    for i in range(reorderings):
        alarms += order_p(clean, rng.sample(items, len(items))) < 0.05
        if i % 100 == 99:
            print(i + 1, alarms, round(time.process_time() - cpu), flush=True)
    power = {name: {"power": (each := mean(hits)).mean, "ci95": each.ci95} for name, hits in found.items() if hits}
    return {
        "worlds": worlds, "items": n, "passes": 10, "parameters": sum(weight.size for weight in clean.weights),
        "power": power, "reorderings": reorderings, "clean_found": alarms, "cpu_s": time.process_time() - cpu,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("corpus", "model"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--language", choices=("en", "zh"))
    parser.add_argument("--worlds", type=int, default=40)
    parser.add_argument("--reorderings", type=int, default=1000)
    parser.add_argument("--items", type=int, default=200)
    options = parser.parse_args()
    if options.part == "model":
        write("contamination_model", model(options.worlds, options.reorderings, options.items))
        return
    figures = {language: corpus(options.data, language) for language in (options.language or "en zh").split()}
    write("contamination_corpus", figures)


if __name__ == "__main__":
    RESULTS.mkdir(exist_ok=True)
    main()
