"""Choosing between tools that the prompt describes, or none of them. Most names tell nothing: the description does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .training_examples import DECISIVE, Document, Turn, call, decisive, user
from .vocabulary import SampleRandom, data, readings

CALCULATOR = "calculator"


@dataclass(frozen=True)
class Tool:
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
class Choice:
    tools: tuple[Tool, ...]
    request: str
    chosen: Tool | None
    argument: str


def choice(draw: SampleRandom, fits: bool) -> Choice:
    """Two to four tools and a request; `fits` says whether one of them does it."""
    words = data(draw.language)["tools"]
    count = draw.rng.choice((1, 2) if draw.short else (2, 3, 3, 4))
    topics = draw.rng.sample(words["topics"], count + 1)
    names = _tool_names(draw, count)
    tools = tuple(
        Tool(name, str(draw.rng.choice(words["parameter"])), _description(draw, topic))
        for name, topic in zip(names, topics, strict=False)
    )
    at = draw.rng.randrange(count)
    topic = topics[at] if fits else topics[count]
    argument = draw.name().text(draw.language)
    return Choice(tools, _request(draw, topic, argument), tools[at] if fits else None, argument)


def _tool_names(draw: SampleRandom, count: int) -> list[str]:
    names = ["_".join(part.text("en").lower() for part in draw.names(draw.rng.choice((1, 1, 2)))) for _ in range(count)]
    return names if len(set(names)) == count else _tool_names(draw, count)


def _description(draw: SampleRandom, topic: list[str]) -> str:
    words = data(draw.language)["tools"]
    space = data(draw.language)["words"]["separator"]
    return f"{draw.rng.choice(words['does'])}{space}{draw.rng.choice(topic)}"


def _request(draw: SampleRandom, topic: list[str], argument: str) -> str:
    words = data(draw.language)["tools"]
    form = draw.rng.choice(readings(draw.rng.choice(words["asks"])))
    return form.format(topic=draw.rng.choice(topic), name=argument) + str(words["mark"])


def arguments(made: Choice) -> str:
    assert made.chosen is not None
    said = {"name": made.chosen.name, "arguments": {made.chosen.parameter: made.argument}}
    return json.dumps(said, ensure_ascii=False)


def listed(draw: SampleRandom, made: Choice) -> str:
    """The choice as one text, for a model that is only asked for the name."""
    lines = [draw.ask("tools_listed"), *(tool.line for tool in made.tools)]
    return "\n".join([*lines, draw.ask("request", request=made.request), draw.ask("which_tool")])


def chosen(draw: SampleRandom) -> Document:
    made = choice(draw, fits=not draw.chance(0.3))
    if draw.chance(0.3):
        answer = made.chosen.name if made.chosen else draw.ask("no_tool")
        return Document("tools", (user(listed(draw, made), 0.02), decisive(answer)))
    reply = call(arguments(made), DECISIVE) if made.chosen else decisive(draw.ask("no_tool_sentence"))
    return Document("tools", (described(draw, made.tools), user(made.request, 0.02), reply))


def described(draw: SampleRandom, tools: tuple[Tool, ...]) -> Turn:
    lines = [tool.line for tool in tools]
    draw.rng.shuffle(lines)
    return Turn("tools", "\n".join(lines), 0.02)


def calculator(draw: SampleRandom) -> Tool:
    return Tool(CALCULATOR, "expression", str(data(draw.language)["tools"]["calculator"]))
