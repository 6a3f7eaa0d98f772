"""Tool calls in plain text, for models without native ones: what is asked for, and how a reply is read.

Two protocols: `CALLS` is that of many open models, `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, several at
once; where a tokenizer has these as special tokens, they are such (as Toolformer's: Schick et al. 2023), else they are
text. `THOUGHTS` is ReAct's: Thought, Action, Observation, one action at a time (Yao et al. 2023).

Models often write calls in the form that they were taught instead: `calls_in_text` reads those.

Only the model's own reply is read, and a call in it that stands word for word in what the model was given (a document,
a tool's result, the user's text) is a quotation, not a call.
"""

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

from ...bounded_json import read_json, read_json_at
from ...contract import Message, ToolCall, ToolSpec
from ...models.lenient_json import LONGEST, STRING_OR_BRACKET, read_arguments
from ...models.openai.calls_in_text import BLOCK, MAX_MARKS, find_calls, quoted_calls
from ...prompts import Language, catalogue, fill
from .tool import Tool

Specs: TypeAlias = Mapping[str, ToolSpec]  # the tools that were offered


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """The calls in a reply, and the reply up to the end of the last one: what follows it cannot know the results."""

    calls: tuple[ToolCall, ...]
    text_before_results: str


@dataclass(frozen=True)
class Protocol:
    """`section` holds its words in the catalogue; `read` finds the calls in a reply."""

    section: str
    read: Callable[[str, Specs], ParsedReply]
    every: Callable[[str], ParsedReply]  # all that a text which is no reply could be quoted for
    neutral: Callable[[str], str]  # a tool's result in which nothing is read as part of the protocol

    def instructions(self, tools: Sequence[Tool], words: str | None, language: Language) -> str:
        listed = "\n".join(f"- {tool.signature}: {' '.join(tool.description.split())}" for tool in tools)
        asked = catalogue(language)[self.section]["instructions"] if words is None else words
        return fill(asked, {"tools": listed}).strip()

    def results(self, made: Sequence[tuple[ToolCall, str]], language: Language) -> str:
        words = catalogue(language)[self.section]["result"]
        return "\n".join(fill(words, {"name": c.name, "result": self.neutral(text)}) for c, text in made).strip()

    def enough(self, language: Language) -> str:
        return catalogue(language)[self.section]["enough"]

    def quoted(self, messages: Sequence[Message], specs: Specs) -> frozenset[str]:
        """The calls that stand in texts which the model did not write."""
        in_any_form = frozenset(key(ToolCall("", *call)) for call in quoted_calls(messages, specs))
        return in_any_form | {key(call) for m in messages if m.role != "assistant" for call in self.every(m.text).calls}


def key(call: ToolCall) -> str:
    """What makes two calls the same, however they are written."""
    try:
        arguments = json.dumps(read_arguments(call.arguments), sort_keys=True)
    except ValueError:
        arguments = " ".join(call.arguments.split())
    return f"{call.name.strip().casefold()} {arguments}"


_MARKS = re.compile(r"<(/?\s*tool_(?:call|response))", re.I)


def _any_calls(text: str, specs: Specs) -> ParsedReply:
    """Calls as they were asked for, else in whatever form the model was taught."""
    blocks = _blocks(text)
    if all(_is_readable(call) for call in blocks.calls) and blocks.calls:
        return blocks
    if not (found := find_calls(text, specs)):
        return blocks
    calls = tuple(ToolCall(f"call_{n}", name, arguments) for n, (name, arguments) in enumerate(found[0]))
    return ParsedReply(calls, blocks.text_before_results or text.rstrip())


def _is_readable(call: ToolCall) -> bool:
    return bool(call.name) and isinstance(call.parsed_arguments, dict)


def _blocks(text: str) -> ParsedReply:
    blocks = list(islice(BLOCK.finditer(text), MAX_MARKS))
    calls = tuple(_call(block[1].strip(), f"call_{n}") for n, block in enumerate(blocks))
    return ParsedReply(calls, text[: blocks[-1].end()].rstrip() if blocks else "")


def _call(text: str, call_id: str) -> ToolCall:
    """A call whose JSON cannot be read keeps its text as the arguments, for the error that the model reads."""
    try:
        value = _first_value(text)
    except ValueError:
        called = re.search(r'"name"\s*:\s*"([^"]*)"', text)
        return ToolCall(call_id, called[1] if called else "", text)
    if not isinstance(value, dict):
        return ToolCall(call_id, "", text)
    inner = value.get("function")
    value = inner if isinstance(inner, dict) else value
    name = next((value[k] for k in ("name", "tool", "tool_name", "function") if isinstance(value.get(k), str)), "")
    arguments: Any = next((value[k] for k in ("arguments", "parameters", "args", "input") if k in value), {})
    arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(call_id, name, arguments)


def _first_value(text: str) -> Any:
    """What a block holds; of one that was never closed, the JSON value that it begins with."""
    try:
        return read_json_at(text)[0]
    except ValueError:
        return read_arguments(text)


_ACTION = re.compile(
    r"^[ \t>*_`#-]*(?:Action|行动|动作)[*_`]*\s*(?:\d+\s*)?[:：][*_`]*[ \t]*"
    r"`?(?P<name>[\w.:/-]+)`?[ \t]*(?P<rest>[^\n]*)"
    r"(?:\n[ \t>*_`]*(?:Action Input|行动输入|动作输入)[*_`]*\s*[:：][*_`]*[ \t]*(?P<input>.*?)"
    r"(?=\n[ \t>*_`]*(?:Observation|观察|Thought|思考)[*_`]*\s*[:：]|\Z))?",
    re.M | re.S,
)
_ANSWER = re.compile(r"^[ \t>*_`#-]*(?:Final Answer|Answer|最终答案|答案)[*_`]*\s*[:：]", re.M)
_OBSERVED = re.compile(
    r"^([ \t>*_`#-]*)((?:Thought|Action|Observation|Answer|Final|思考|行动|动作|观察|答案|最终)\b)", re.M
)


def _actions(text: str, specs: Specs) -> ParsedReply:
    """The first action before any answer."""
    action, answer = _ACTION.search(text), _ANSWER.search(text)
    if not action or (answer and answer.start() < action.start()):
        return ParsedReply((), "")
    arguments, end = _input(text, action)
    return ParsedReply((ToolCall("call_0", action["name"], arguments or "{}"),), text[:end].rstrip())


def _every_action(text: str) -> ParsedReply:
    """All actions wherever they stand, which is what a text can quote."""
    actions = enumerate(islice(_ACTION.finditer(text), MAX_MARKS))
    return ParsedReply(tuple(ToolCall(f"call_{n}", a["name"], _input(text, a)[0] or "{}") for n, a in actions), text)


def _input(text: str, found: re.Match[str]) -> tuple[str, int]:
    """What an action is given, and where that ends: on its line, or under the label of its input."""
    if found["input"] is None:
        return _argument_text(text, found.start("rest"))
    if found["input"][:1] in ("{", "["):
        return _argument_text(text, found.start("input"))
    return _as_json(found["input"].strip()), found.end()


def _argument_text(text: str, start: int) -> tuple[str, int]:
    """What follows the name: `[…]`, `(…)`, an object over several lines, or the rest of the line; and where it ends."""
    line = text.find("\n", start)
    line = len(text) if line < 0 else line
    opening = text[start : start + 1]
    closing = {"[": "]", "(": ")", "{": "}"}.get(opening)
    if closing is None:
        return _as_json(text[start:line].strip().strip("`")), line
    depth = 0
    for token in STRING_OR_BRACKET.finditer(text, start):
        depth += (token[0] == opening) - (token[0] == closing)
        if depth == 0:
            if opening != "{" and text[token.end() : line].strip("` \t."):
                break  # brackets of an expression, not around it
            inner = text[start : token.end()] if opening == "{" else text[start + 1 : token.start()]
            return _as_json(inner.strip()), token.end()
    return _as_json(text[start:line].strip()), line


def _as_json(argument: str) -> str:
    """A bare text between brackets, as ReAct writes it, becomes a JSON text; `name=value` becomes an object."""
    try:
        read_json(argument)
    except ValueError:
        named = _named(argument)
        if named is None and argument[:1] in ("{", '"', "'"):
            return argument
        return json.dumps(argument if named is None else named, ensure_ascii=False)
    return argument


def _named(argument: str) -> dict[str, Any] | None:
    try:
        if len(argument) > LONGEST:
            return None
        call = ast.parse(f"f({argument})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not call.keywords:
            return None
        named = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
        json.dumps(named)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return named


CALLS = Protocol("tools", _any_calls, _blocks, partial(_MARKS.sub, r"‹\1"))
THOUGHTS = Protocol("react", _actions, _every_action, partial(_OBSERVED.sub, r"\1› \2"))
