"""Scripted models of known ability for the techniques that use several: experts in different kinds of question.

A question belongs to one of three subjects, and a model knows its answer or does not, whatever the sample: an expert
knows KNOWS_OWN of its own subject and KNOWS_OTHER of the others', the generalist KNOWS of all. Who knows it says it in
SAYS of the samples; who does not is drawn to one popular mistake, so that votes among samples of one model settle at
what it knows. A role in a team gives no knowledge; its third member is a friend who knows nothing and says so kindly.

As judge and in joining, the generalist finds the right answer where it knows it; where it does not, it takes the
answer that stands first in FIRST of the cases (as judge), or the most common one (in joining). Who argues and does not
know gives way in YIELDS of the rounds.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from functools import partial
from pathlib import Path

from jielong.contract import Request
from jielong.models.scripted import Scripted
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

SUBJECTS = {"chemist": "chemistry", "historian": "history", "botanist": "botany"}
KNOWS, KNOWS_OWN, KNOWS_OTHER, SAYS = 0.5, 0.9, 0.3, 0.9
POPULAR, YIELDS, FIRST, RIGHT_CHOICE = 0.5, 0.6, 0.6, 0.95
ITEMS = 150

_QUESTION = re.compile(r"How many are there in case (\d+) of (\w+)\?")
_ANSWER = re.compile(r"^Answer \d+:\n> (?:You may be right\. )?The answer is (\d+)\.", re.M)


def subjects(first: int = 0) -> Task:
    subject = list(SUBJECTS.values())
    asked = [f"How many are there in case {i} of {subject[i % 3]}?" for i in range(first, first + ITEMS)]
    items = tuple(Item(str(i), q, (str(_right(q)),)) for i, q in enumerate(asked))
    return Task("subjects", items, find_metric("number"), "as it is made", "questions of three subjects")


def chance(*what: object) -> random.Random:
    return random.Random(hashlib.sha256(repr(what).encode()).digest())


def _right(question: str) -> int:
    return chance(question).randrange(100, 1000)


def _knows(who: str, question: str, subject: str) -> bool:
    share = KNOWS if who == "generalist" else KNOWS_OWN if SUBJECTS[who] == subject else KNOWS_OTHER
    return chance("knows", who, question).random() < share


def shown(text: str) -> list[int]:
    """The answers of others that a text shows, in order."""
    return [int(answer) for answer in _ANSWER.findall(text)]


def reply(who: str, request: Request) -> str:
    texts = [message.text for message in request.messages]
    last, rng = texts[-1], chance(request.sampling.seed, who, texts)
    found = next(match for text in texts if (match := _QUESTION.search(text)))
    question, subject = found[0], found[2]
    right, knows = _right(question), _knows(who, question, subject)
    answers = shown(last)
    if "can answer in your place" in last:
        fitting = [n for n, text in re.findall(r"^(\d)\. (.*)$", last, re.M) if subject in text] or ["0"]
        return fitting[0] if rng.random() < RIGHT_CHOICE else str(rng.randint(1, 3))
    if "who is needed?" in last:
        return "A calculator: the figures\nA librarian: the sources\nA friend: kind words"
    if "How much does it add" in last:
        contribution = last.partition("The next contribution:\n> ")[2]
        said = re.match(r"The answer is (\d+)\.", contribution)
        return "0" if not said else "8" if int(said[1]) not in answers else "2"
    if "Your role: A friend" in last:
        return "What a fine question, thank you all!"
    if "you are the judge" in last:
        if knows and right in answers:
            return f"Verdict: {answers.index(right) + 1}"
        return f"Verdict: {1 if rng.random() < FIRST else rng.randint(1, len(answers))}"
    if "Argue against them" in last and not knows and rng.random() < YIELDS:
        return f"You may be right. The answer is {rng.choice(answers)}."
    if answers and "Argue against them" not in last and not (knows and right in answers):
        return f"The answer is {Counter(answers).most_common(1)[0][0]}."
    if knows and rng.random() < SAYS:
        return f"The answer is {right}."
    popular = chance("popular", question).randrange(100, 1000)
    return f"The answer is {popular if rng.random() < POPULAR else rng.randrange(100, 1000)}."


IDENTITY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
TASKS = {"subjects": subjects}


def _model(name: str) -> Scripted:
    return Scripted(partial(reply, name), name=f"scripted:{name}", identity=f"{name} {IDENTITY}")


MODELS = {name: partial(_model, name) for name in ("generalist", *SUBJECTS)}
