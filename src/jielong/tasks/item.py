"""One item of a task: a question, and what is accepted as its answer."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contract import Message, Request, ToolSpec
from ..prompts import catalogue, language
from .code_tests import Tests


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    input: str | tuple[Message, ...]
    accepted: tuple[str, ...] = ()  # none: a judge decides
    choices: tuple[str, ...] = ()
    cluster: str | None = None  # items of one cluster (a text, a subject) are not independent
    context: tuple[str, ...] = ()
    tests: Tests | None = None
    tools: tuple[ToolSpec, ...] = ()  # offered to the model; the answer is which of them it calls, and how
    instruction: str = ""  # what to do with the input, where it does not say so itself

    def request(self) -> Request:
        """What a model is asked: the instruction, the documents, the question, the lettered choices."""
        if isinstance(self.input, tuple):
            has_system = self.input[0].role == "system"
            texts = [self.instruction, self.input[0].text if has_system else ""]
            system = (Message("system", "\n\n".join(filter(None, texts))),) if any(texts) else ()
            *before, last = self.input[has_system:]
            if self.context or self.choices:
                last = replace(last, content=self._with_context_and_choices(last.text))
            return Request((*system, *before, last), tools=self.tools)
        text = self._with_context_and_choices(self.input)
        parts = [self.instruction, text] if self.instruction else [text]
        return Request((Message("user", "\n\n".join(parts)),), tools=self.tools)

    def _with_context_and_choices(self, question: str) -> str:
        words = catalogue(language(question))["task"]
        parts = [f"{words['context']}\n\n" + "\n\n".join(self.context)] if self.context else []
        parts.append(question)
        if self.choices:
            lettered = [f"({chr(ord('A') + i)}) {choice}" for i, choice in enumerate(self.choices)]
            parts.append("\n".join(lettered) + f"\n{words['choices']}")
        return "\n\n".join(parts)

    def group(self) -> str:
        """What items that are not independent of each other share: their cluster, else their question."""
        return f"cluster {self.cluster}" if self.cluster is not None else self.request().messages[-1].text

    def content(self) -> list[Any]:
        """All that makes it this item, as JSON: the hash of a task is made of it."""
        question = self.input if isinstance(self.input, str) else [[m.role, m.text] for m in self.input]
        tools = [[[tool.name, tool.description, tool.parameters] for tool in self.tools]] if self.tools else []
        tests = self.tests.code if self.tests else None
        instruction = [{"instruction": self.instruction}] if self.instruction else []
        return [self.id, question, self.accepted, self.choices, self.context, tests, *tools, *instruction]


def identified(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items whose id is "" get one from their content; duplicates get a number."""
    counts: Counter[str] = Counter()
    named = []
    for item in items:
        content = json.dumps(item.content(), ensure_ascii=False)
        name = item.id or hashlib.sha256(content.encode()).hexdigest()[:12]
        counts[name] += 1
        named.append(replace(item, id=name if counts[name] == 1 else f"{name}#{counts[name]}"))
    return tuple(named)
