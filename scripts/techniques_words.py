"""Scripted models for the techniques of words, parts and criticism, which mini was never taught, and their tasks.

They show what a technique does for a model that can follow it, at chances that are written here; how large the gain is
for a model of yours is for `jielong improve` to say.

solver   word problems of five calculations; it leaves one out with LEFT_OUT each, hardly ever when it has a plan, is
         asked for one calculation alone, or was told that its answer is wrong
critic   tells wrong answers to them from right ones, in CAUGHT of 100 cases
writer   essays on six topics: as it goes on it stops more and more often; a section is written whole
clerk    descriptions that forget whom they are for, unless a brief says it
"""

from __future__ import annotations

import hashlib
import random
import re
from functools import partial
from pathlib import Path

from jielong.contract import Message, Reply, Request
from jielong.models.scripted import Scripted
from jielong.tasks.item import Item
from jielong.tasks.metric import CheckMetric, Score, find_metric
from jielong.tasks.task import Task
from jielong.world import word_problems
from jielong.world.vocabulary import SampleRandom

LEFT_OUT, LEFT_OUT_WITH_A_PLAN, MISCALCULATED = 0.15, 0.03, 0.02
CAUGHT, SLANDERED = 0.9, 0.05
STOPS, FORGETS, FORGETS_THE_BRIEF = 0.3, 0.6, 0.05

_draw = SampleRandom("scripted problems", "en", held_out=True)
PROBLEMS = {problem.question: problem for problem in (word_problems.sample_problem(_draw, 5) for _ in range(60))}
TOPICS = ("river", "market", "school", "bridge", "mill", "harbour")


def five_steps() -> Task:
    items = tuple(Item(str(i), q, (str(p.answer),)) for i, (q, p) in enumerate(PROBLEMS.items()))
    return Task("five_steps", items, find_metric("number"), "as it is made", "word problems of five calculations")


def essays() -> Task:
    asked = f"Write an essay about the town of N{{}}: its {', '.join(TOPICS)}."
    items = tuple(Item(str(i), asked.format(i)) for i in range(60))
    return Task("essays", items, CheckMetric("covered", _covered, "contains"), "as it is made", "essays on six topics")


def descriptions() -> Task:
    told = Message("system", "The customers are families.")
    items = tuple(Item(str(i), (told, Message("user", f"Describe house {i}."))) for i in range(60))
    metric = CheckMetric("for_families", _for_families, "contains")
    return Task("descriptions", items, metric, "as it is made", "houses described for families")


def _covered(item: Item, reply: Reply) -> Score:
    count = sum(f"The {topic} is" in reply.text for topic in TOPICS)
    return Score(count / len(TOPICS), str(count))


def _for_families(item: Item, reply: Reply) -> Score:
    return Score(float("families" in reply.text), reply.text)


def _drawn(request: Request) -> random.Random:
    said = f"{request.sampling.seed} {[message.text for message in request.messages]}"
    return random.Random(hashlib.sha256(said.encode()).digest())


def solver(request: Request) -> str:
    said, rng = [message.text for message in request.messages], _drawn(request)
    problem = next(p for q, p in PROBLEMS.items() if any(q in text for text in said))
    steps = problem.steps
    if "simpler questions" in said[-1]:
        return "\n".join(f"{i}. How much is {written}?" for i, (written, _) in enumerate(steps, 1))
    if "what went wrong" in said[-1]:
        return "A calculation was left out. Write down all five first."
    if asked := re.match(r"How much is (.+)\?$", said[-1]):
        value = dict(steps)[asked[1]]
        return str(value if rng.random() > MISCALCULATED else value + 1)
    if "began with" in said[-1]:
        found = [text for message, text in zip(request.messages, said, strict=True) if message.role == "assistant"][1:]
        return f"The answer is {found[-1] if found == [str(value) for _, value in steps] else int(found[-1]) + 1}."
    planned = any(words in said[-1] for words in ("plan", "Write down all five", "was left out"))
    missing = [rng.random() < (LEFT_OUT_WITH_A_PLAN if planned else LEFT_OUT) for _ in steps]
    return f"The answer is {problem.answer + 7 * sum(missing)}."


def critic(request: Request) -> str:
    asked = request.messages[-1].text
    problem = next(p for q, p in PROBLEMS.items() if q in asked)
    right = f"answer is {problem.answer}." in asked
    finds_fault = _drawn(request).random() < (SLANDERED if right else CAUGHT)
    if "Is the proposed answer correct?" in asked:
        return "No." if finds_fault else "Yes."
    return "A calculation was left out." if finds_fault else "OK"


def writer(request: Request) -> str:
    last, rng = request.messages[-1].text, _drawn(request)
    if "list its sections" in last:
        return "\n".join(f"{i}. {topic}" for i, topic in enumerate(TOPICS, 1))
    if section := re.search(r"write section \d+ of \d+.*\n(\w+)", last):
        return f"The {section[1]} is old."
    written = []
    for topic in TOPICS:
        written.append(f"The {topic} is old.")
        if rng.random() < STOPS:
            break
    return " ".join(written)


def clerk(request: Request) -> str:
    last = request.messages[-1].text
    if "what this request leaves open" in last:
        return "Goal: sell it\nAudience: families\nLimits: ? How long may it be?\nFormat: ? Which form?"
    forgets = FORGETS_THE_BRIEF if "Audience: families" in last else FORGETS
    return "A house." if _drawn(request).random() < forgets else "A house for families."


TASKS = {task.__name__: task for task in (five_steps, essays, descriptions)}
REPLIES = {reply.__name__: reply for reply in (solver, critic, writer, clerk)}
IDENTITY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _model(name: str) -> Scripted:
    return Scripted(REPLIES[name], name=f"scripted:{name}", identity=f"{name} {IDENTITY}")


MODELS = {name: partial(_model, name) for name in REPLIES}
