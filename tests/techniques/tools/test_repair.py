"""What is mended, and what is not: only where one thing can be meant."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong.models.lenient_json import read_arguments
from jielong.techniques.tools.repair_calls import nearest_name, repair_arguments
from techniques.tools.clumsy import HARD, KINDS

SCHEMA = {
    "type": "object",
    "properties": {
        "city_name": {"type": "string"},
        "days": {"type": "integer"},
        "limits": {"type": "array", "items": {"type": "number"}},
        "exact": {"type": "boolean"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city_name", "days"],
}
MEANT = {"city_name": 'St. John\'s, "N"', "days": 3, "limits": [1.5, -2.0], "exact": True, "unit": "celsius"}
NAMES = ("get_weather", "get_whether_report", "send_mail", "send_email", "add")


@pytest.mark.parametrize("kind", KINDS)
def test_each_known_way_is_mended(kind: str):
    mended = 0
    for meant in (MEANT, {"city_name": "Rome", "days": 2}, {"days": 2, "limits": []}, {"days": 7}):
        spoilt = KINDS[kind]("get_whether_report", dict(meant), random.Random(1))
        if spoilt is None:
            continue
        name, said = spoilt
        assert nearest_name(name, NAMES) == "get_whether_report"
        assert repair_arguments(said, SCHEMA) == meant
        mended += 1
    assert mended


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("get_weather", "get_weather"),
        ("GetWeather", "get_weather"),
        ("functions.add", "add"),
        ("send_emal", None),  # send_mail or send_email
        ("get_whethr_reprt", "get_whether_report"),
        ("ad", None),
        ("delete_everything", None),
        ("", None),
        ("天气", None),
        ("SENDMAIL", "send_mail"),
    ],
)
def test_a_name_is_mended_only_if_it_can_mean_one(said: str, meant: str | None):
    assert nearest_name(said, NAMES) == meant


def test_two_names_that_differ_in_their_separators_are_not_guessed_between():
    assert nearest_name("getWeather", ["get_weather", "get-weather"]) is None


@pytest.mark.parametrize("said", ["{", "{'a': __import__('os')}", '{"a": 1} {"a": 2}', '{"a" 1}', "[1, 2", "{]}"])
def test_what_cannot_be_read_is_an_error_or_no_object(said: str):
    try:
        value = read_arguments(said)
    except ValueError:
        return
    pytest.fail(f"{said!r} was read as {value!r}")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
))  # fmt: skip
def test_good_json_is_never_changed(value: object):
    wanted = value
    while isinstance(wanted, str) and wanted.lstrip()[:1] in ("{", "["):
        return  # JSON within a text is unwrapped
    assert read_arguments(json.dumps(value)) == wanted


@given(st.text())
def test_no_text_breaks_it(said: str):
    try:
        repair_arguments(said, SCHEMA)
    except ValueError:
        return


def test_a_bare_value_goes_to_the_only_parameter():
    one = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
    assert repair_arguments('"17 * 23"', one) == {"expression": "17 * 23"}
    assert repair_arguments("17", one) == {"expression": "17"}
    for said, schema in (("17 * 23", one), ('["17 * 23"]', one), ('"Rome"', SCHEMA)):
        with pytest.raises(ValueError):
            repair_arguments(said, schema)


@pytest.mark.parametrize("kind", HARD)
def test_what_cannot_be_told_is_mended_rightly_or_not_at_all(kind: str):
    for n, meant in enumerate((MEANT, {"city_name": "Rome", "days": 125}, {"days": 2, "limits": [1, 2]}, {"days": 7})):
        for seed in range(20):
            spoilt = HARD[kind]("get_whether_report", dict(meant), random.Random(f"{n} {seed}"))
            if spoilt is None:
                continue
            assert nearest_name(spoilt[0], NAMES) in ("get_whether_report", None)
            try:
                read = repair_arguments(spoilt[1], SCHEMA)
            except ValueError:
                continue
            assert read == meant or not {"city_name", "days"} <= read.keys(), f"{spoilt[1]} was read as {read}"


def test_values_are_not_guessed():
    assert repair_arguments('{"city_name": "Rome", "days": "three", "unit": "Kelvin"}', SCHEMA) == {
        "city_name": "Rome",
        "days": "three",
        "unit": "Kelvin",
    }
    assert repair_arguments('{"city_name": "Rome", "days": 1, "unit": "Celsius"}', SCHEMA)["unit"] == "celsius"
