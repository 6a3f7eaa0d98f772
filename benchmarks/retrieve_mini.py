"""mini over documents of its own world that it was never told of: with and without retrieval.

The documents are in an index on disk, a file for each statement. Each fact that is asked for is stated in two of them,
in other words, and in a third one otherwise, which is the contradiction; all other facts, those on the same subject
among them, are stated once. k passages are read. mini writes no citations: `attribute` names the passage that holds its
answer and has most in common with the question, and the citation is right when that passage states this fact of this
subject. The questions are asked again over an index that lacks their facts, while those on the same subject and on the
same relation are there.

A fact stated once beside one contradiction is measured, too: nothing but chance can tell which of the two is true.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import anyio
from common import write

from jielong import load
from jielong.answers.not_told import not_told
from jielong.contract import Message, Model, Reply, Request, Sampling
from jielong.prompts import Language
from jielong.retrieval.build_index import build_index
from jielong.stats import mean
from jielong.tasks.mini_tasks import only_named
from jielong.techniques.retrieve import retrieve
from jielong.world import facts
from jielong.world.vocabulary import SampleRandom

KNOWN = facts.knowledge_base()
NEVER_SEEN = [fact for fact in KNOWN.all_facts() if not fact.subject.seen and fact.relation != "place"]


def documents(rng: SampleRandom, chosen: list[facts.Fact], times: int) -> list[tuple[str, str]]:
    """Names of files and their texts: all never-seen facts once, the chosen ones `times` over and once contradicted; 0:
    not at all."""
    asked_for = {fact.id for fact in chosen}
    texts = [
        (f"{fact.id}-{n}", text)
        for fact in NEVER_SEEN
        for n, text in enumerate(stated(rng, fact, times if fact.id in asked_for else 1))
    ]
    for fact in chosen if times else ():
        wrong = rng.choice([value for value in KNOWN.values[fact.relation] if value != fact.value])
        texts.append((f"{fact.id}-wrong", facts.Fact(fact.subject, fact.relation, wrong).statement(rng)))
    return texts


def stated(rng: SampleRandom, fact: facts.Fact, times: int) -> list[str]:
    """In other words each time; the forms of the exams are few, so that those of the training serve, too."""
    forms = SampleRandom(f"forms {fact.id} {rng.language}", rng.language, held_out=False)
    texts: dict[str, None] = {}
    while len(texts) < times:
        texts[fact.statement(forms if texts else rng)] = None
    return list(texts)


async def indexed(name: str, texts: list[tuple[str, str]], folder: Path) -> None:
    place = folder / name
    place.mkdir()
    for file, text in texts:
        (place / f"{file.replace(' ', '_')}.txt").write_text(text, "utf-8")
    await build_index(name, [place])


async def asked(model: Model, question: str) -> Reply:
    return await model.generate(Request((Message("user", question),), Sampling(temperature=0.0, max_tokens=40)))


def is_right(reply: Reply, fact: facts.Fact, language: Language) -> bool:
    values = {value.text(language) for value in KNOWN.values[fact.relation]}
    return only_named(reply.text, values) == fact.value.text(language)


def cites_right(reply: Reply, fact: facts.Fact) -> bool:
    """Whether the passage named is one of the two that state this fact of this subject."""
    own = {f"{fact.id.replace(' ', '_')}-{n}.txt" for n in range(2)}
    return bool(reply.sources) and all(Path(source.document).name in own for source in reply.sources)


def figure(values: list[bool]) -> dict[str, Any]:
    estimate = mean([float(value) for value in values])
    interval = [round(end, 3) for end in estimate.ci95] if estimate.ci95 else None
    return {"share": round(sum(values) / max(1, len(values)), 3), "of": len(values), "ci95": interval}


async def measured(language: Language, n: int, k: int, folder: Path) -> dict[str, Any]:
    rng = SampleRandom(f"retrieve mini {language}", language, held_out=True)
    chosen = rng.sample(NEVER_SEEN, n)
    names = {name: f"{name}-{language}" for name in ("told", "untold", "once")}
    for name, times in zip(names.values(), (2, 0, 1), strict=True):
        await indexed(name, documents(rng, chosen, times), folder)
    mini = load("mini")
    models = {key: mini | retrieve(index=name, k=k, form="plain", attribute=True) for key, name in names.items()}
    questions = [fact.question(rng) for fact in chosen]
    alone = [await asked(mini, question) for question in questions]
    told, untold, once = [[await asked(models[key], question) for question in questions] for key in names]
    right = [is_right(reply, fact, language) for reply, fact in zip(told, chosen, strict=True)]
    return {
        "without retrieval, right": figure([is_right(r, f, language) for r, f in zip(alone, chosen, strict=True)]),
        "with it, right": figure(right),
        "of the right ones, cited rightly": figure(
            [cites_right(r, f) for r, f, is_so in zip(told, chosen, right, strict=True) if is_so]
        ),
        "false refusals": figure([not_told(reply.text) for reply in told]),
        "not told, where the index lacks the fact": figure([not_told(reply.text) for reply in untold]),
        "fact and contradiction once each, right": figure(
            [is_right(r, f, language) for r, f in zip(once, chosen, strict=True)]
        ),
    }


async def run(n: int, k: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JIELONG_HOME"] = str(Path(folder) / "home")
        return {
            language: await measured(language, n, k, Path(tempfile.mkdtemp(dir=folder))) for language in ("en", "zh")
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=120)
    parser.add_argument("--k", type=int, default=7)
    options = parser.parse_args()
    figures = anyio.run(run, options.questions, options.k)
    write("retrieve_mini", {"k": options.k, "documents": len(NEVER_SEEN) + 2 * options.questions, **figures})


if __name__ == "__main__":
    main()
