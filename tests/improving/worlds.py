"""Scripted models that are helped by exactly one technique, and one that nothing helps.

Each is a function of the request alone. Whether it knows an item is drawn from the item's number: of `plain` it knows a
third; of what it does with its technique, nine tenths. All techniques run for real around it.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import replace

from jielong import Request, Scripted
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric, with_labels
from jielong.tasks.task import Task

KNOWN, HELPED = 1 / 3, 0.9
ASIDE = re.compile("^Is the answer above correct|Is the proposed answer correct|^What is wrong with|^How good is")


def task(items: int) -> Task:
    """Questions whose answer is their number times three."""
    return Task(
        "thrice", tuple(Item(str(i), f"What is three times {i}?", (str(3 * i),)) for i in range(1, items + 1)),
        find_metric("number"), "as this task is made", "made for tests",
    )  # fmt: skip


def number(request: Request) -> int:
    questions = [m.text for m in request.messages if m.role == "user" and "three times" in m.text]
    return int(re.findall(r"three times (\d+)\?", questions[-1])[-1])


def seeded(*what: object) -> random.Random:
    return random.Random(hashlib.sha256(repr(what).encode()).digest())


def knows(world: int, i: int, share: float) -> bool:
    return seeded(world, "knows", i).random() < share


def approval(question: str) -> str:
    """What it says of any answer when it is asked for a check, a critique or a grade."""
    return "OK" if "OK" in question else "yes" if "yes or no" in question else "7"


def reply(world: int, request: Request, helped: bool) -> str:
    """Right on the share of items that it knows; else one of six wrong answers, which depends on the sample."""
    question, i = request.messages[-1].text, number(request)
    if ASIDE.search(question):
        return approval(question)
    right = knows(world, i, HELPED if helped else KNOWN)
    value = 3 * i if right else 3 * i + seeded(world, i, request.sampling.seed).randint(1, 6)
    return str(value) if "Python expression" in question else f"The answer is {value}."


def _last(words: str) -> Callable[[Request], bool]:
    return lambda request: words in request.messages[-1].text


HELPERS: dict[str, Callable[[Request], bool]] = {
    "cot": _last("step by step"),
    "spell(kind=emotion)": _last("important to my career"),
    "spell(kind=importance)": _last("Read the question again"),
    'persona(role="an expert in the subject of the question")': lambda request: request.messages[0].role == "system",
    "few_shot": lambda request: [m.role for m in request.messages[:2]] == ["user", "assistant"],
    "program_of_thought": _last("Python expression"),
    "self_refine": _last("with these faults mended"),
}


def helped_by(technique: str, world: int) -> Scripted:
    """A model that `technique` alone helps."""
    helps = HELPERS[technique]

    def answer(request: Request) -> str:
        if technique == "self_refine" and request.messages[-1].text.startswith("What is wrong with"):
            return "The number is not right."
        return reply(world, request, helps(request))

    return Scripted(answer, name=f"scripted:{world}")


def helped_by_voting(world: int) -> Scripted:
    """A model that is right on six samples of ten, whatever it is told: a vote helps it, and nothing else."""

    def answer(request: Request) -> str:
        question, i = request.messages[-1].text, number(request)
        if ASIDE.search(question):
            return approval(question)
        chance = seeded(world, i, request.sampling.seed)
        value = 3 * i if chance.random() < 0.55 else 3 * i + chance.randint(1, 6)
        return str(value) if "Python expression" in question else f"The answer is {value}."

    return Scripted(answer, name=f"scripted:{world}")


def helped_by_nothing(world: int) -> Scripted:
    return Scripted(lambda request: reply(world, request, False), name=f"scripted:{world}")


def helped_by_nothing_and_noisy(world: int) -> Scripted:
    """Every recipe is right on the same share, each on other items: the hardest case for an honest verdict."""

    def answer(request: Request) -> str:
        question, i = request.messages[-1].text, number(request)
        if ASIDE.search(question):
            return approval(question)
        everything = [(m.role, m.text) for m in request.messages]
        value = 3 * i if seeded(world, everything).random() < 0.5 else 3 * i + 1
        return str(value) if "Python expression" in question else f"The answer is {value}."

    return Scripted(answer, name=f"scripted:{world}")


def clustered_task(items: int, clusters: int) -> Task:
    """The same questions in clusters of one size."""
    plain = task(items)
    return replace(plain, items=tuple(replace(item, cluster=str(i % clusters)) for i, item in enumerate(plain.items)))


def helped_by_nothing_by_cluster(world: int, clusters: int) -> Scripted:
    """What each recipe is right on goes by clusters, each with a luck of its own for each recipe: equal on the whole,
    and to a test that takes items for independent one of many recipes looks better."""

    def answer(request: Request) -> str:
        question, i = request.messages[-1].text, number(request)
        if ASIDE.search(question):
            return approval(question)
        recipe = [(m.role, re.sub(r"\d+", "", m.text)) for m in request.messages]
        luck = seeded(world, recipe, (i - 1) % clusters).betavariate(2, 2)
        value = 3 * i if seeded(world, recipe, i).random() < luck else 3 * i + 1
        return str(value) if "Python expression" in question else f"The answer is {value}."

    return Scripted(answer, name=f"scripted:{world}")


LABELS = ("billing", "technical", "other")


def labelled_task(items: int) -> Task:
    """Tickets with one of three labels, as a file of them is read: the metric is `label`."""
    labelled = tuple(
        Item(str(i), f"Ticket {i}: which queue, billing, technical or other?", (seeded("label", i).choice(LABELS),))
        for i in range(items)
    )
    metric = with_labels(find_metric("label"), [item.accepted[0] for item in labelled])
    return Task("tickets", labelled, metric, "as this task is made", "made for tests")


def guesser_made_talkative(world: int, technique: str) -> Scripted:
    """Guesses a label, whatever it is asked; with `technique` it also names the others, and now and then only them."""
    helps = HELPERS[technique]

    def answer(request: Request) -> str:
        question = request.messages[-1].text
        if ASIDE.search(question):
            return approval(question)
        chance = seeded(world, [(m.role, m.text) for m in request.messages], request.sampling.seed)
        guess = chance.choice(LABELS)
        if not helps(request):
            return guess
        named = "It could be billing, it could be technical, and other cannot be ruled out."
        return named if chance.random() < 0.3 else f"{named} Answer: {guess}"

    return Scripted(answer, name=f"scripted:{world}")
