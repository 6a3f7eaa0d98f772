"""Rows as Argilla exports them, whichever version: fields of the record, and beside them what people answered.

Of several answers to a question the first that was submitted counts; without any, what a model suggested, which is
noted. A row becomes a plain one whose columns are the fields and the questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...scope import note

Row = Mapping[str, Any]
_OF_RECORDS = {"id", "status", "external_id", "_server_id", "metadata", "vectors", "inserted_at", "updated_at"}
_WITHDRAWN = {"discarded", "draft", "pending"}
_ENDS = (".responses", ".suggestion", "-suggestion", ".users", ".status", ".score", ".agent", "-metadata")


def plain_row(row: Row) -> Row:
    """The row itself where it is none of Argilla's."""
    if isinstance(row.get("fields"), Mapping):
        return _of_record(row["fields"], _mapping(row, "responses"), _mapping(row, "suggestions"))
    flat = [name.removesuffix(".responses") for name in row if name.endswith(".responses")]
    if flat:
        answers = {name: _beside(row, name) for name in flat}
        suggestions = {name: row.get(f"{name}.suggestion") for name in flat}
        return _of_record(_fields(row, flat), answers, suggestions)
    questions = [name for name in row if f"{name}-suggestion" in row and isinstance(row[name], list | None)]
    if questions:
        answers = {name: row[name] or [] for name in questions}
        suggestions = {name: row[f"{name}-suggestion"] for name in questions}
        return _of_record(_fields(row, questions), answers, suggestions)
    return row


def _of_record(fields: Row, answers: Mapping[str, Any], suggestions: Mapping[str, Any]) -> Row:
    values = {name: _submitted(given) for name, given in answers.items()}
    for name, suggestion in suggestions.items():
        value = suggestion.get("value") if isinstance(suggestion, Mapping) else suggestion
        if values.get(name) is None and value is not None:
            values[name] = value
            note(f"where nobody has answered {name!r} in Argilla, the suggestion is taken for the answer")
    return {**fields, **{name: value for name, value in values.items() if value is not None}}


def _submitted(given: Any) -> Any:
    for response in given if isinstance(given, list) else []:
        if not isinstance(response, Mapping):
            return response
        if response.get("status") not in _WITHDRAWN:
            return response.get("value")
    return None


def _beside(row: Row, name: str) -> list[Any]:
    """Flat exports have the values of a question in one column, their states in another."""
    values, states = row[f"{name}.responses"] or [], row.get(f"{name}.responses.status") or []
    return [value for i, value in enumerate(values) if i >= len(states) or states[i] not in _WITHDRAWN]


def _fields(row: Row, questions: list[str]) -> Row:
    return {name: row[name] for name in row if name not in {*questions, *_OF_RECORDS} and not name.endswith(_ENDS)}


def _mapping(row: Row, column: str) -> Row:
    cell = row.get(column)
    return cell if isinstance(cell, Mapping) else {}
