"""A task: items, the rule that finds the answer in a reply, and the score of what it finds."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..answers import RULES
from ..contract import Message, Request, ToolSpec
from ..prompts import catalogue, language
from .answer_equality import matches
from .code_tests import Tests, passes


@dataclass(frozen=True)
class Score:
    """`value` in [0, 1]. `extracted` is None when the reply held no answer."""

    value: float
    extracted: str | None


@dataclass(frozen=True)
class Item:
    id: str
    input: str | tuple[Message, ...]
    accepted: tuple[str, ...] = ()  # none: a judge decides
    choices: tuple[str, ...] = ()
    cluster: str | None = None  # items of one cluster (a text, a subject) are not independent
    context: tuple[str, ...] = ()
    tests: Tests | None = None
    tools: tuple[ToolSpec, ...] = ()  # offered to the model; the answer is which of them it calls, and how

    def request(self) -> Request:
        """What a model is asked: the documents, the question, the lettered choices."""
        if isinstance(self.input, tuple):
            return Request(self.input, tools=self.tools)
        words = catalogue(language(self.input))["task"]
        parts = [f"{words['context']}\n\n" + "\n\n".join(self.context)] if self.context else []
        parts.append(self.input)
        if self.choices:
            lettered = [f"({chr(ord('A') + i)}) {choice}" for i, choice in enumerate(self.choices)]
            parts.append("\n".join(lettered) + f"\n{words['choices']}")
        return Request((Message("user", "\n\n".join(parts)),), tools=self.tools)


@dataclass(frozen=True)
class Task:
    name: str
    items: tuple[Item, ...]
    rule: str
    why_rule: str
    source: str
    rejected: tuple[str, ...] = ()  # "file:line: what is wrong"
    check: Callable[[Item, str], Score] | None = None  # where more than one answer is right and a rule can tell

    @property
    def sha256(self) -> str:
        said = json.dumps([[_plain(item) for item in self.items], self.rule], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    async def score(self, item: Item, reply_text: str) -> Score:
        """What the reply is worth. Code is judged by running the item's tests in the sandbox."""
        if self.check:
            return self.check(item, reply_text)
        if item.tests:
            code = RULES["code"](reply_text)
            return Score(0.0, None) if code is None else Score(float(await passes(item.tests, code)), code)
        extracted = RULES[self.rule](reply_text)
        right = await matches(self.rule, extracted, item.accepted, choices=item.choices)
        return Score(float(right), extracted)

    def sample(self, limit: int | None, seed: int) -> Task:
        """`limit` items drawn by `seed`, in the order of the file; all of them when there are no more."""
        if limit is None or limit >= len(self.items):
            return self
        kept = sorted(random.Random(seed).sample(range(len(self.items)), limit))
        return replace(self, items=tuple(self.items[i] for i in kept))


def _plain(item: Item) -> list[Any]:
    said = item.input if isinstance(item.input, str) else [[m.role, m.text] for m in item.input]
    offered = [[[tool.name, tool.description, tool.parameters] for tool in item.tools]] if item.tools else []
    tests = item.tests.code if item.tests else None
    return [item.id, said, item.accepted, item.choices, item.context, tests, *offered]


def identified(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items whose id is "" get one from their content; duplicates get a number."""
    seen: dict[str, int] = {}
    named = []
    for item in items:
        name = item.id or hashlib.sha256(json.dumps(_plain(item), ensure_ascii=False).encode()).hexdigest()[:12]
        seen[name] = seen.get(name, 0) + 1
        named.append(replace(item, id=name if seen[name] == 1 else f"{name}#{seen[name]}"))
    return tuple(named)
