"""Choosing between tools that the prompt describes, or none of them. Most names are invented; descriptions tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .training_examples import DECISIVE_WEIGHT, Document, Turn, call_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, expand_alternatives, wordlists

CALCULATOR = "calculator"


@dataclass(frozen=True)
class ToolDescription:
    name: str
    parameter: str
    description: str

    def function(self) -> dict[str, Any]:
        """As the OpenAI protocol describes it."""
        parameters = {
            "type": "object",
            "properties": {self.parameter: {"type": "string"}},
            "required": [self.parameter],
        }
        return {"name": self.name, "description": self.description, "parameters": parameters}

    @property
    def line(self) -> str:
        """As mini's chat template shows it."""
        return f"- {self.description}: {self.name}({self.parameter})"


@dataclass(frozen=True)
class ToolChoice:
    """Tools, a request, and the tool that serves it: None where none does."""

    tools: tuple[ToolDescription, ...]
    request: str
    answer: ToolDescription | None
    argument: str


def sample_tool_choice(rng: SampleRandom, fits: bool) -> ToolChoice:
    """Two to four tools and a request; `fits` says whether one of them serves it."""
    words = wordlists(rng.language)["tools"]
    count = rng.choice((1, 2) if rng.short else (2, 3, 3, 4))
    topics = rng.sample(words["topics"], count + 1)
    names = _tool_names(rng, count)
    tools = tuple(
        ToolDescription(name, str(rng.choice(words["parameter"])), _description(rng, topic))
        for name, topic in zip(names, topics, strict=False)
    )
    index = rng.randrange(count)
    topic = topics[index] if fits else topics[count]
    argument = rng.name().text(rng.language)
    return ToolChoice(tools, _request(rng, topic, argument), tools[index] if fits else None, argument)


def _tool_names(rng: SampleRandom, count: int) -> list[str]:
    names = ["_".join(part.text("en").lower() for part in rng.names(rng.choice((1, 1, 2)))) for _ in range(count)]
    return names if len(set(names)) == count else _tool_names(rng, count)


def _description(rng: SampleRandom, topic: list[str]) -> str:
    words = wordlists(rng.language)["tools"]
    space = wordlists(rng.language)["words"]["separator"]
    return f"{rng.choice(words['does'])}{space}{rng.choice(topic)}"


def _request(rng: SampleRandom, topic: list[str], argument: str) -> str:
    words = wordlists(rng.language)["tools"]
    form = rng.choice(expand_alternatives(rng.choice(words["requests"])))
    return form.format(topic=rng.choice(topic), name=argument) + str(words["mark"])


def _call_json(tool: ToolDescription, argument: str) -> str:
    return json.dumps({"name": tool.name, "arguments": {tool.parameter: argument}}, ensure_ascii=False)


def choice_as_text(rng: SampleRandom, choice: ToolChoice) -> str:
    """The choice as one text, for a model that is only asked for the name."""
    lines = [rng.phrase("tools_listed"), *(tool.line for tool in choice.tools)]
    return "\n".join([*lines, rng.phrase("request", request=choice.request), rng.phrase("which_tool")])


def tool_choice_document(rng: SampleRandom) -> Document:
    choice = sample_tool_choice(rng, fits=not rng.chance(0.3))
    if rng.chance(0.3):
        name = choice.answer.name if choice.answer else rng.phrase("no_tool")
        return Document("tools", (user_turn(choice_as_text(rng, choice), 0.02), decisive_turn(name)))
    if choice.answer:
        reply = call_turn(_call_json(choice.answer, choice.argument), DECISIVE_WEIGHT)
    else:
        reply = decisive_turn(rng.phrase("no_tool_sentence"))
    return Document("tools", (tools_turn(rng, choice.tools), user_turn(choice.request, 0.02), reply))


def tools_turn(rng: SampleRandom, tools: tuple[ToolDescription, ...]) -> Turn:
    """The tools as mini's chat template lists them, in any order."""
    lines = [tool.line for tool in tools]
    rng.shuffle(lines)
    return Turn("tools", "\n".join(lines), 0.02)


def calculator_tool(rng: SampleRandom) -> ToolDescription:
    return ToolDescription(CALCULATOR, "expression", str(wordlists(rng.language)["tools"]["calculator"]))
