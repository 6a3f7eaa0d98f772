"""Python functions as tools: the schema that their hints make, and what becomes of arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import Field

from jielong.errors import BadInput
from jielong.techniques.tools.python_functions import from_function
from jielong.techniques.tools.tool import ToolFailed

pytestmark = pytest.mark.anyio


@dataclass
class Place:
    lat: float
    lon: float


async def forecast(
    place: Place,
    days: Annotated[int, Field(description="how many days", ge=1, le=7)] = 1,
    unit: Literal["C", "F"] = "C",
    json: bool = False,
    names: list[str] | None = None,
) -> dict[str, Any]:
    """The weather to come.

    Twice a day.
    """
    return {"lat": place.lat, "days": days, "unit": unit, "json": json, "names": names}


def test_hints_become_a_json_schema():
    tool = from_function(forecast)
    assert tool.name == "forecast"
    assert tool.description == "The weather to come.\n\nTwice a day."
    schema = dict(tool.parameters)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert list(schema["properties"]) == ["place", "days", "unit", "json", "names"]
    assert schema["required"] == ["place"]
    assert schema["properties"]["days"]["description"] == "how many days"
    assert schema["additionalProperties"] is False
    assert "title" not in str(schema)
    assert 'days: integer (how many days)?, unit: "C" | "F"?' in tool.signature


async def test_arguments_arrive_as_their_types():
    tool = from_function(forecast)
    said = {"place": {"lat": "1.5", "lon": 2}, "days": "3", "json": True}
    assert (await tool.call(tool.check(said))).text == '{"lat":1.5,"days":3,"unit":"C","json":true,"names":null}'


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({}, "place"),
        ({"place": {"lat": 1, "lon": 2}, "days": 8}, "days"),
        ({"place": {"lat": 1, "lon": 2}, "unit": "K"}, "unit"),
        ({"place": {"lat": 1, "lon": 2}, "more": 1}, "more"),
        ({"place": "here"}, "place"),
    ],
)
def test_wrong_arguments_are_named(said: dict[str, Any], names: str):
    with pytest.raises(ToolFailed) as failed:
        from_function(forecast).check(said)
    assert names in failed.value.words("en")


async def test_methods_and_plain_results():
    class Shop:
        def __init__(self) -> None:
            self.sold = 0

        def sell(self, count: int) -> int:
            """Sells."""
            self.sold += count
            return self.sold

    shop = Shop()
    tool = from_function(shop.sell)
    assert (await tool.call({"count": 2})).text == "2"
    assert shop.sold == 2
    assert list(tool.parameters["properties"]) == ["count"]


def test_a_hint_that_is_no_schema_is_refused():
    class Odd:
        pass

    def odd(thing: Odd) -> str:
        """Odd."""
        return ""

    odd.__annotations__["thing"] = Odd
    with pytest.raises(BadInput, match="odd: a type hint cannot be a JSON schema"):
        from_function(odd)
