"""Function calls as answers: files of the Berkeley Function Calling Leaderboard (BFCL), and what counts as right.

A row offers functions; right are exactly the calls of `possible_answer/FILE` beside it, in any order: the same names,
each parameter with one of its accepted values, none missing (but where "" is accepted) and none more. Rows of the
irrelevance files are right without a call. A reply's calls are scored as one JSON text.

As BFCL's AST check, but for its types: a value of the wrong JSON type is never right, and 5 and 5.0 are one number.
Texts are compared without case and the signs that BFCL leaves out. Not covered: rows of several turns, Java and
JavaScript values, calls that are executed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..bounded_json import read_json
from ..contract import Message, Reply, ToolSpec
from ..errors import BadInput
from ..regular_files import MAX_DATA_BYTES, read_regular_file
from .data_row import BadRow, DataRow
from .item import Item
from .metric import CheckMetric, Score

COLUMNS = frozenset({"id", "question", "function"})
_TYPES = {"dict": "object", "float": "number", "double": "number", "tuple": "array", "list": "array", "bool": "boolean"}
_COPIED = ("description", "enum", "default", "required", "minimum", "maximum", "format")


def with_answers(file: Path, rows: Iterator[DataRow | BadRow]) -> Iterator[DataRow | BadRow]:
    """The rows of a file; those of BFCL with the `ground_truth` that lies beside the file."""
    for row in rows:
        if isinstance(row, DataRow) and row.fields.keys() >= COLUMNS and "ground_truth" not in row.fields:
            truth = _answers(file.parent / "possible_answer" / file.name).get(str(row.fields["id"]))
            row = row if truth is None else DataRow(row.line, {**row.fields, "ground_truth": truth})
        yield row


@cache
def _answers(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        rows = [
            read_json(line) for line in read_regular_file(file, MAX_DATA_BYTES).decode().splitlines() if line.strip()
        ]
        return {str(row["id"]): row["ground_truth"] for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}: not JSON lines with id and ground_truth ({type(error).__name__}: {error})") from None


def item(row: Mapping[str, Any], subject: str) -> Item:
    """A row as an item that offers tools. Raises ValueError, KeyError."""
    name = str(row["id"])
    if len(row["question"]) != 1:
        raise ValueError(f"{len(row['question'])} turns; expected one")
    if "ground_truth" not in row and "irrelevance" not in name:
        raise ValueError("no answer: expected possible_answer/FILE beside the file")
    messages = tuple(Message(message["role"], str(message["content"])) for message in row["question"][0])
    if not messages:
        raise ValueError("the question has no messages")
    truth = json.dumps(row.get("ground_truth", []), ensure_ascii=False)
    return Item(name, messages, (truth,), tools=tuple(_tool(function) for function in row["function"]))


def _tool(function: Mapping[str, Any]) -> ToolSpec:
    parameters = _schema(function.get("parameters") or {"type": "dict", "properties": {}})
    return ToolSpec(_tool_name(str(function["name"])), str(function.get("description", "")), parameters)


def _tool_name(name: str) -> str:
    """As endpoints accept it: BFCL's names hold dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64]


def _schema(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """BFCL's schema in JSON schema's words."""
    schema: dict[str, Any] = {key: parameter[key] for key in _COPIED if key in parameter}
    kind = str(parameter.get("type", "any")).lower()
    if kind != "any":
        schema["type"] = _TYPES.get(kind, kind)
    if isinstance(parameter.get("properties"), dict):
        schema["properties"] = {name: _schema(inner) for name, inner in parameter["properties"].items()}
    if isinstance(parameter.get("items"), dict):
        schema["items"] = _schema(parameter["items"])
    return schema


def calls_as_text(reply: Reply) -> str:
    """The text of a reply, or its calls as JSON: what is scored and shown."""
    if reply.finish != "tool_calls":
        return reply.text
    calls = [{"name": call.name, "arguments": call.arguments} for call in reply.message.tool_calls]
    return json.dumps(calls, ensure_ascii=False)


def scored(item: Item, reply: Reply) -> Score:
    """1 for exactly the right calls. A text that is no list of calls counts as no call."""
    calls = _calls(calls_as_text(reply))
    if calls is None:
        return Score(0.0, None)
    accepted = [next(iter(call.items())) for call in read_json(item.accepted[0])]
    unmatched = list(calls)
    for name, parameters in accepted:
        match = next((c for c in unmatched if _tool_name(c[0]) == _tool_name(name) and _fits(c[1], parameters)), None)
        if match:
            unmatched.remove(match)
    right = len(calls) == len(accepted) and not unmatched
    return Score(float(right), json.dumps(calls, ensure_ascii=False))


def _calls(text: str) -> list[tuple[str, dict[str, Any]]] | None:
    """Name and arguments of each call; None when arguments are not a JSON object."""
    found = _json(text)
    if not isinstance(found, list) or not all(isinstance(c, dict) and {"name", "arguments"} <= c.keys() for c in found):
        return []
    arguments = [_json(c["arguments"]) if isinstance(c["arguments"], str) else c["arguments"] for c in found]
    if not all(isinstance(each, dict) for each in arguments):
        return None
    return [(str(call["name"]), each) for call, each in zip(found, arguments, strict=True)]


def _json(text: str) -> Any:
    """The value; None for what is not JSON."""
    try:
        return read_json(text)
    except ValueError:
        return None


def _fits(arguments: Mapping[str, Any], accepted: Mapping[str, list[Any]]) -> bool:
    """Each value accepted, none missing, none more."""
    return arguments.keys() <= accepted.keys() and all(
        any(_same(arguments[name], value) for value in values) if name in arguments else "" in values
        for name, values in accepted.items()
    )


def _same(value: Any, accepted: Any) -> bool:
    # True == 1 in Python, but a call with 1 for true is wrong.
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


FUNCTION_CALLS = CheckMetric("function_calls", scored, "json", 2048)
