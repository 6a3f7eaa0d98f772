"""JSON and texts of somebody else against `json.loads`, and against the one reader of this program."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from jielong.bounded_json import MAX_DEPTH, read_json, read_literal, well_formed
from jielong.contract import Message, Reply, Request, ToolCall, Usage
from jielong.runtime.ledger import Ledger, call_key
from jielong.runtime.ledger_json import decode_reply, encode_reply


def keep(value: Any) -> None:
    """What every reader does in the end: writes it down as UTF-8."""
    with sqlite3.connect(":memory:") as db:
        db.execute("select ?", (json.dumps(value, ensure_ascii=False),)).fetchone()


def naive(text: str | bytes) -> None:
    value = json.loads(text)
    keep(value)
    _walk(value)


def _walk(value: Any) -> None:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _walk(inner)


def ours(text: str | bytes) -> None:
    try:
        value = read_json(text)
    except ValueError:
        return
    keep(value)
    _walk(value)


ATTACKS: dict[str, str | bytes] = {
    "a list 100,000 deep": "[" * 100_000,
    "objects 20,000 deep, all closed": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "a list 990 deep, which is read and then cannot be walked through": "[" * 990 + "]" * 990,
    "lists and objects in turn, 980 deep": '[{"a":' * 490 + "1" + "}]" * 490,
    "a lone high surrogate": '{"content": "\\ud83d"}',
    "a lone low surrogate within a text": '{"content": "a\\ude00b"}',
    "two surrogates the wrong way round": '["\\ude00\\ud83d"]',
    "a lone surrogate in a key": '{"\\uD800": 1}',
    "a lone surrogate behind an escaped backslash": '["\\\\\\ud800"]',
    "a surrogate as CESU-8 bytes": b'["\xed\xa0\x80"]',
    "bytes that are not UTF-8": b'{"content": "\xff\xfe"}',
    "a mark of the byte order before a text": "\ufeff[1]",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_json_that_breaks_a_naive_reader_is_a_value_or_a_value_error_here(name: str) -> None:
    with pytest.raises((RecursionError, UnicodeEncodeError, UnicodeDecodeError, json.JSONDecodeError)):
        naive(ATTACKS[name])
    ours(ATTACKS[name])


def test_integers_of_thousands_of_digits_are_one_clear_error() -> None:
    with pytest.raises(ValueError, match="Exceeds the limit"):
        json.loads("1" + "0" * 5000)  # no JSONDecodeError: who reads `error.pos` meets an AttributeError
    with pytest.raises(json.JSONDecodeError, match="an integer of too many digits"):
        read_json("1" + "0" * 5000)


def test_what_takes_a_hundred_times_its_length_is_refused() -> None:
    bomb = "[" + "[]," * 2_000_000 + "[]]"
    assert len(bomb) < 7_000_000
    with pytest.raises(ValueError, match="more than 4,000,000 values"):
        read_json(bomb)
    with pytest.raises(ValueError, match="over 100 characters"):
        read_json('"' + "x" * 200 + '"', longest=100)


def test_honest_json_is_the_same_as_before() -> None:
    for text in (
        '{"a": [1, 2.5, null, true, "é😀"]}',
        '"\\ud83d\\ude00"',
        "NaN",
        "1e999",
        '"\\\\ud800"',
        "[" * 90 + "]" * 90,
    ):
        assert repr(read_json(text)) == repr(json.loads(text))
    assert MAX_DEPTH >= 90


LITERALS = {
    "parentheses 300 deep": "(" * 300 + ")" * 300,
    "lists 500 deep": "[" * 500 + "]" * 500,
    "signs, 5,000 in a row": "-" * 5000 + "1",
    "a lone surrogate": "'\\ud800'",
    "an integer of 5,000 digits": "9" * 5000,
    "a NUL": "'a'\0",
    "a set of lists": "{[]}",
    "bytes": "b'x'",
}


@pytest.mark.parametrize("name", LITERALS)
def test_python_literals_are_values_of_json_or_a_value_error(name: str) -> None:
    import ast

    with pytest.raises((SyntaxError, RecursionError, MemoryError, TypeError, UnicodeEncodeError, ValueError)):
        keep(ast.literal_eval(LITERALS[name]))
    with suppress(ValueError):
        keep(read_literal(LITERALS[name]))


@pytest.mark.parametrize(
    ("text", "result"),
    [("a\ud800b", "a\ufffdb"), ("\ud83d\ude00", "😀"), ("\udfff", "\ufffd"), ("plain", "plain"), ("é", "é")],
)
def test_surrogates_are_put_together_or_replaced(text: str, result: str) -> None:
    assert well_formed(text) == result


def _replies() -> dict[str, Reply]:
    lone = "a\ud800b"
    return {
        "in the text of a plugin's reply": Reply(Message("assistant", lone), usage=Usage(calls=1)),
        "in the arguments of a call": Reply(
            Message("assistant", "", (ToolCall("1", "f", f'{{"a": "{lone}"}}'),)), "tool_calls"
        ),
        "in the name of a call": Reply(Message("assistant", "", (ToolCall("1", lone),)), "tool_calls"),
    }


@pytest.mark.parametrize("name", _replies())
def test_the_ledger_writes_whatever_a_provider_gave(name: str, tmp_path: Any) -> None:
    reply = _replies()[name]
    with pytest.raises(UnicodeEncodeError):
        keep(encode_reply(reply))
    with Ledger(tmp_path / "l.db") as ledger:
        key, request = call_key("p", "generate", Request((Message("user", "\ud800"), reply.message)), {}, ())
        ledger.put(key, "run", "p", request, usage=Usage(calls=1), reply=encode_reply(reply))
        assert ledger.find(key, decode_reply)


READERS: list[Callable[[str], Any]] = [read_json, lambda text: ToolCall("1", "f", text).parsed_arguments]


@pytest.mark.parametrize("text", ["[" * 5000, "1" * 5000, '"\\ud800"'])
def test_arguments_of_calls_are_read_by_the_same_reader(text: str) -> None:
    value = ToolCall("1", "f", text).parsed_arguments
    assert value in (text, "\ufffd")
