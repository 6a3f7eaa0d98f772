"""Choosing between tools that the prompt describes, or none of them. Most names are invented; descriptions tell."""

import json
from dataclasses import dataclass
from typing import Any

from .training_examples import DECISIVE_WEIGHT, Document, Turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

CALCULATOR = "calculator"


@dataclass(frozen=True)
class ToolDescription:
    name: str
    parameter: str
    description: str

    def function(self) -> dict[str, Any]:
        """As the OpenAI protocol describes it."""
        properties = {self.parameter: {"type": "string"}}
        parameters = {"type": "object", "properties": properties, "required": [self.parameter]}
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
    tools: list[ToolDescription] = []
    for name, topic in zip(names, topics, strict=False):
        parameter = str(rng.choice(words["parameter"]))
        separator = wordlists(rng.language)["words"]["separator"]
        description = f"{rng.choice(words['does'])}{separator}{rng.choice(topic)}"
        tools.append(ToolDescription(name, parameter, description))
    index = rng.randrange(count)
    argument = rng.name().text(rng.language)
    topic = rng.choice(topics[index] if fits else topics[count])
    request = rng.sentence("tool_request", topic=topic, name=argument) + str(words["mark"])
    return ToolChoice(tuple(tools), request, tools[index] if fits else None, argument)


def _tool_names(rng: SampleRandom, count: int) -> list[str]:
    names = ["_".join(part.text("en").lower() for part in rng.names(rng.choice((1, 1, 2)))) for _ in range(count)]
    return names if len(set(names)) == count else _tool_names(rng, count)


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
        call = {"name": choice.answer.name, "arguments": {choice.answer.parameter: choice.argument}}
        reply = Turn("assistant", json.dumps(call, ensure_ascii=False), DECISIVE_WEIGHT, call=True)
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
