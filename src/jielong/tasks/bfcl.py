"""Function calls as answers: files of the Berkeley Function Calling Leaderboard (BFCL), and what counts as right.

A row offers functions; right are exactly the calls of `possible_answer/FILE` beside it, in any order: the same names,
each parameter with one of its accepted values, none missing (but where "" is accepted) and none more. Rows of the
irrelevance files are right without a call. A reply's calls are scored as one JSON text.

As BFCL's AST check, but for its types: a value of the wrong JSON type is never right, and 5 and 5.0 are one number.
Texts are compared without case and the signs that BFCL leaves out. Not covered: rows of several turns, Java and
JavaScript values, calls that are executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ..contract import Message, Reply, ToolSpec, require_answer
from ..errors import BadInput
from .data_files import BadRow, DataRow
from .task import Item, Score

COLUMNS = frozenset({"id", "question", "function"})
_TYPES = {"dict": "object", "float": "number", "double": "number", "tuple": "array", "list": "array", "bool": "boolean"}
_KEPT = ("description", "enum", "default", "required", "minimum", "maximum", "format")


def with_answers(file: Path, read: Iterator[DataRow | BadRow]) -> Iterator[DataRow | BadRow]:
    """The rows of a file; those of BFCL with the `ground_truth` that lies beside the file."""
    for row in read:
        if isinstance(row, DataRow) and row.fields.keys() >= COLUMNS and "ground_truth" not in row.fields:
            truth = _answers(file.parent / "possible_answer" / file.name).get(str(row.fields["id"]))
            row = row if truth is None else DataRow(row.line, {**row.fields, "ground_truth": truth})
        yield row


@cache
def _answers(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        said = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
        return {str(row["id"]): row["ground_truth"] for row in said}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}: not JSON lines with id and ground_truth ({type(error).__name__}: {error})") from None


def item(row: Mapping[str, Any], subject: str) -> Item:
    """A row as an item that offers tools. Raises ValueError, KeyError."""
    name = str(row["id"])
    if len(row["question"]) != 1:
        raise ValueError(f"{len(row['question'])} turns; expected one")
    if "ground_truth" not in row and "irrelevance" not in name:
        raise ValueError("no answer: expected possible_answer/FILE beside the file")
    said = tuple(Message(message["role"], str(message["content"])) for message in row["question"][0])
    truth = json.dumps(row.get("ground_truth", []), ensure_ascii=False)
    return Item(name, said, (truth,), tools=tuple(_tool(function) for function in row["function"]))


def _tool(function: Mapping[str, Any]) -> ToolSpec:
    parameters = _schema(function.get("parameters") or {"type": "dict", "properties": {}})
    return ToolSpec(tool_name(str(function["name"])), str(function.get("description", "")), parameters)


def tool_name(name: str) -> str:
    """As endpoints accept it: BFCL's names hold dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]


def _schema(said: Mapping[str, Any]) -> dict[str, Any]:
    """BFCL's schema in JSON schema's words."""
    schema: dict[str, Any] = {key: said[key] for key in _KEPT if key in said}
    kind = str(said.get("type", "any")).lower()
    if kind != "any":
        schema["type"] = _TYPES.get(kind, kind)
    if isinstance(said.get("properties"), dict):
        schema["properties"] = {name: _schema(inner) for name, inner in said["properties"].items()}
    if isinstance(said.get("items"), dict):
        schema["items"] = _schema(said["items"])
    return schema


def as_text(reply: Reply) -> Reply:
    """The reply with its calls as a JSON text, which is what is scored. Raises what `answered` raises."""
    if reply.finish != "tool_calls":
        return require_answer(reply)
    calls = [{"name": call.name, "arguments": call.arguments} for call in reply.message.tool_calls]
    return replace(reply, message=Message("assistant", json.dumps(calls, ensure_ascii=False)), finish="stop")


def scored(item: Item, reply_text: str) -> Score:
    """1 for exactly the right calls. A text that is no list of calls counts as no call."""
    calls = _calls(reply_text)
    if calls is None:
        return Score(0.0, None)
    wanted = [next(iter(call.items())) for call in json.loads(item.accepted[0])]
    extracted = json.dumps(calls, ensure_ascii=False)
    if len(calls) != len(wanted):
        return Score(0.0, extracted)
    free = list(calls)
    for name, parameters in wanted:
        found = next((call for call in free if _is_call(call, name, parameters)), None)
        if found is None:
            return Score(0.0, extracted)
        free.remove(found)
    return Score(1.0, extracted)


def _calls(text: str) -> list[tuple[str, dict[str, Any]]] | None:
    """Name and arguments of each call; None when arguments are not a JSON object."""
    try:
        said = json.loads(text)
        listed = isinstance(said, list) and all(isinstance(c, dict) and {"name", "arguments"} <= c.keys() for c in said)
    except (ValueError, RecursionError):
        listed = False
    if not listed:
        return []
    calls = []
    for call in said:
        given = call["arguments"]
        try:
            arguments = json.loads(given) if isinstance(given, str) else given
        except (ValueError, RecursionError):
            return None
        if not isinstance(arguments, dict):
            return None
        calls.append((str(call["name"]), arguments))
    return calls


def _is_call(call: tuple[str, dict[str, Any]], name: str, parameters: Mapping[str, list[Any]]) -> bool:
    called, arguments = call
    return tool_name(called) == tool_name(name) and _fits(arguments, parameters)


def _fits(arguments: Mapping[str, Any], accepted: Mapping[str, list[Any]]) -> bool:
    """Each value accepted, none missing, none more."""
    if not arguments.keys() <= accepted.keys():
        return False
    return all(
        any(_same(arguments[name], value) for value in values) if name in arguments else "" in values
        for name, values in accepted.items()
    )


def _same(value: Any, accepted: Any) -> bool:
    if isinstance(value, bool) or isinstance(accepted, bool):
        return value is accepted
    if isinstance(value, int | float) and isinstance(accepted, int | float):
        return value == accepted
    if isinstance(value, str) and isinstance(accepted, str):
        return _plain(value) == _plain(accepted)
    if isinstance(value, list) and isinstance(accepted, list):
        return len(value) == len(accepted) and all(map(_same, value, accepted))
    if isinstance(value, dict) and isinstance(accepted, dict):
        return _fits(value, {k: v if isinstance(v, list) else [v] for k, v in accepted.items()})
    return value is None and accepted is None


def _plain(text: str) -> str:
    return re.sub(r"[ ,./\-_*^]", "", text).lower().replace("'", '"')
