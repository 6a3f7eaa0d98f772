"""Schemas behind anyOf, $ref and allOf keep their types and choices: in text form, and when arguments are repaired."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pydantic
import pytest

from jielong.techniques.tools.python_functions import from_function
from jielong.techniques.tools.repair_calls import repair_arguments
from jielong.techniques.tools.tool import Tool


class Unit(Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class Place(pydantic.BaseModel):
    city: str
    days: int = 1


def forecast(
    place: Place,
    unit: Unit,
    days: int | None = None,
    hours: Annotated[int | None, pydantic.Field(description="how many hours")] = None,
    tone: Literal["short", "long"] | None = None,
    tags: list[str] | None = None,
    places: list[Place] | None = None,
    exact: bool | None = None,
    limit: int | float | str = 1,
) -> str:
    """The forecast."""
    return ""


TOOL = from_function(forecast)


@pytest.mark.parametrize(
    "words",
    [
        'unit: "celsius" | "fahrenheit"',
        "days: integer?",
        "hours: integer",
        "how many hours",
        'tone: "short" | "long"?',
        "exact: boolean?",
        "tags: array of string?",
        "city: string",
        "limit: integer | number | string?",
    ],
)
def test_text_form_shows_types_and_choices(words: str):
    signature = TOOL.signature.replace("?", "?")
    assert words.removesuffix("?") in signature


def test_what_may_be_left_out_is_marked():
    for name in ("days", "tone", "exact"):
        assert f"{name}: " in TOOL.signature
        part = TOOL.signature.split(f"{name}: ")[1].split(", ")[0]
        assert part.rstrip(")").endswith("?") or "?" in part
    assert "null" not in TOOL.signature


def schema(properties: dict[str, Any], **defs: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "$defs": defs}


REPAIRS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("optional integer", schema({"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}), '{"n": "5"}', {"n": 5}),
    (
        "optional integer is null",
        schema({"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
        '{"n": null}',
        {"n": None},
    ),
    (
        "optional integer written None",
        schema({"n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
        '{"n": "null"}',
        {"n": None},
    ),
    ("type list", schema({"n": {"type": ["integer", "null"]}}), '{"n": "5"}', {"n": 5}),
    (
        "referenced choice",
        schema({"u": {"$ref": "#/$defs/U"}}, U={"enum": ["celsius", "kelvin"], "type": "string"}),
        '{"u": "Celsius"}',
        {"u": "celsius"},
    ),
    (
        "allOf",
        schema({"u": {"allOf": [{"$ref": "#/$defs/U"}], "default": "kelvin"}}, U={"enum": ["celsius", "kelvin"]}),
        '{"u": "CELSIUS"}',
        {"u": "celsius"},
    ),
    (
        "optional choice",
        schema({"u": {"anyOf": [{"enum": ["short", "long"], "type": "string"}, {"type": "null"}]}}),
        '{"u": "Short"}',
        {"u": "short"},
    ),
    ("oneOf of consts", schema({"u": {"oneOf": [{"const": "A"}, {"const": "B"}]}}), '{"u": "a"}', {"u": "A"}),
    (
        "optional boolean",
        schema({"b": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}}),
        '{"b": "True"}',
        {"b": True},
    ),
    (
        "optional list as text",
        schema({"l": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}}),
        '{"l": "[\\"a\\"]"}',
        {"l": ["a"]},
    ),
    (
        "list of integers",
        schema({"l": {"type": "array", "items": {"type": "integer"}}}),
        '{"l": ["1", "2"]}',
        {"l": [1, 2]},
    ),
    (
        "nested object",
        schema({"p": {"$ref": "#/$defs/P"}}, P={"type": "object", "properties": {"days": {"type": "integer"}}}),
        '{"p": {"days": "3"}}',
        {"p": {"days": 3}},
    ),
    (
        "nested object as text",
        schema({"p": {"$ref": "#/$defs/P"}}, P={"type": "object", "properties": {"days": {"type": "integer"}}}),
        '{"p": "{\\"days\\": \\"3\\"}"}',
        {"p": {"days": 3}},
    ),
    (
        "optional nested object",
        schema(
            {"p": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]}},
            P={"type": "object", "properties": {"unit": {"enum": ["C", "F"]}}},
        ),
        '{"p": {"unit": "c"}}',
        {"p": {"unit": "C"}},
    ),
    (
        "definitions",
        {
            "type": "object",
            "properties": {"u": {"$ref": "#/definitions/U"}},
            "definitions": {"U": {"enum": ["x", "y"]}},
        },
        '{"u": "X"}',
        {"u": "x"},
    ),
    (
        "a text where a text is allowed stays",
        schema({"v": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
        '{"v": "5"}',
        {"v": "5"},
    ),
    (
        "a number where none is",
        schema({"v": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
        '{"v": 5}',
        {"v": "5"},
    ),
    (
        "a number where one is allowed",
        schema({"v": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}),
        '{"v": 5}',
        {"v": 5},
    ),
    ("a number as choice", schema({"v": {"enum": [1, 2, 3]}}), '{"v": "2"}', {"v": 2}),
    ("optional float", schema({"v": {"anyOf": [{"type": "number"}, {"type": "null"}]}}), '{"v": "2.5"}', {"v": 2.5}),
    (
        "a float that is an integer",
        schema({"v": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
        '{"v": 2.0}',
        {"v": 2},
    ),
    (
        "recursive",
        schema(
            {"t": {"$ref": "#/$defs/T"}},
            T={
                "type": "object",
                "properties": {"n": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]}},
            },
        ),
        '{"t": {"n": "1", "next": {"n": "2", "next": null}}}',
        {"t": {"n": 1, "next": {"n": 2, "next": None}}},
    ),
    (
        "additional properties",
        schema({"m": {"type": "object", "additionalProperties": {"type": "integer"}}}),
        '{"m": {"a": "1"}}',
        {"m": {"a": 1}},
    ),
    ("a reference that leads nowhere", schema({"v": {"$ref": "#/$defs/X"}}), '{"v": "5"}', {"v": "5"}),
    (
        "two choices of one spelling",
        schema({"v": {"anyOf": [{"enum": ["a-b"]}, {"enum": ["ab"]}]}}),
        '{"v": "A B"}',
        {"v": "A B"},
    ),
]


@pytest.mark.parametrize(("name", "of", "text", "expected"), REPAIRS, ids=[case[0] for case in REPAIRS])
def test_repairs_look_behind_references_and_alternatives(
    name: str, of: dict[str, Any], text: str, expected: dict[str, Any]
):
    assert repair_arguments(text, of) == expected


def test_a_single_list_parameter_behind_a_reference_takes_a_bare_list():
    of = {
        "type": "object",
        "properties": {"l": {"$ref": "#/$defs/L"}},
        "required": ["l"],
        "$defs": {"L": {"type": "array", "items": {"type": "integer"}}},
    }
    assert repair_arguments("[1, 2]", of) == {"l": [1, 2]}


def test_a_recursive_schema_has_a_text_form():
    node = {"type": "object", "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/$defs/T"}}}
    tool = Tool("walk", "Walks", schema({"t": {"$ref": "#/$defs/T"}}, T=node), None)  # type: ignore[arg-type]
    assert "n: integer" in tool.signature
    assert len(tool.signature) < 500
