# ruff: noqa: E501
"""Texts that make a pattern backtrack: the time that a reader takes grows with a text, not with its square."""

import contextlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz.foreign_readers import TOOLS
from jielong.answers import RULES
from jielong.contract import Message, Request
from jielong.models.lenient_json import read_arguments
from jielong.models.openai.calls_in_text import CallGate, find_calls, quoted_calls
from jielong.models.openai.endpoint_errors import read_error
from jielong.models.openai.thoughts_in_text import ThoughtSplitter
from jielong.prompts import language
from jielong.tasks.text_decoding import decode
from jielong.techniques.brief import _matched
from jielong.techniques.tools.repair_calls import nearest_name
from jielong.techniques.tools.text_protocol import CALLS, THOUGHTS

NAIVE = {  # a pattern that anybody would write, and a text of n characters on which it takes n² steps or more
    "spaces before an end that is not there": (
        r"<tool_call>(.*?)\s*</tool_call>",
        lambda n: "<tool_call>" + " " * n,
    ),
    "openings that nothing closes": (r"<function=([^>]+)>", lambda n: "<function=" * (n // 10)),
    "tags that nothing closes": (r"<[^>]+>", lambda n: "<" * n),
    "strings of escaped quotes": (r'"(?:[^"\\]|\\.)*"', lambda n: '"' + '\\"' * (n // 2)),
    "comments that nothing closes": (r"/\*.*?\*/", lambda n: "/* " * (n // 3)),
    "letters before a sign that does not come": (r"[A-Za-z]\w*[^\w\s]\w*[a-z]", lambda n: "a" * n),
    "a fence around spaces": (r"```\w*(.*?)\s*```x", lambda n: "```" + " " * n + "```"),
    "marks at the end of a text that goes on": (r"(?:<\|\w+\|>)+\s*\Z", lambda n: "<|a|>" * (n // 5) + "x"),
}


def seconds(read: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    with contextlib.suppress(ValueError):
        read(text)
    return time.process_time() - started


def gate(text: str) -> None:
    request = Request((Message("user", "x"),), tools=tuple(TOOLS.values()))
    calls = CallGate(request)
    splitter = ThoughtSplitter(None)
    for at in range(0, len(text), 500):
        calls.add(text[at : at + 500])
        splitter.add(text[at : at + 500])
    splitter.finish()
    calls.finish(look=True)


READERS: dict[str, Callable[[str], object]] = {
    "calls in a text": lambda text: find_calls(text, TOOLS),
    "calls that a text quotes": lambda text: quoted_calls((Message("user", text),), TOOLS),
    "the protocol of open models": lambda text: CALLS.read(text, TOOLS),
    "the protocol of ReAct": lambda text: THOUGHTS.read(text, TOOLS),
    "arguments of a call": read_arguments,
    "the name of a tool": lambda text: nearest_name(text, ["get_weather", "get_time"]),
    "an answer as it arrives": gate,
    "an error of an endpoint": lambda text: read_error(500, text),
    "the language of a question": language,
    "a point of a brief": _matched,
    "a file of unknown encoding": lambda text: _decoded(text),
    **{f"the answer rule {name}": rule for name, rule in RULES.items()},
}


def _decoded(text: str) -> object:
    from jielong.errors import BadInput

    try:
        return decode(Path("x"), text.encode() + b"\xe9 caf\xe9")
    except BadInput:
        return None


@pytest.mark.parametrize("name", NAIVE)
def test_a_naive_pattern_takes_the_square_of_a_text(name: str) -> None:
    pattern, text = NAIVE[name]
    compiled = re.compile(pattern, re.S)
    times = [least(lambda t: list(compiled.finditer(t)), text(n)) for n in (1_000, 8_000)]
    assert times[1] > 12 * times[0]  # a linear one takes 8 times as long


PIECES = (
    "<tool_call>", "<function=", "<function=f>", '<invoke name="', '<invoke name="f">', "<arg_key>a</arg_key>", "<|a|>",
    "[TOOL_CALLS]", "[TOOL_CALLS]f ", '"', '\\"', "'", "/*", "```", "``` ", "{", '{"a":', "[", "(", "f(", "\nf(", "\n{", " ", "\n", "\t",
    "a", "1", "-", "=", "*", "\\boxed{", "$", "a = ", "1,", "The answer is ", "Action: f\n", "Action: f[", "Thought:", "</think>",
    '"</think>', "<think>", "一", "二十", "(A) ", "not ", "x", "1/", "%", "```json\n{", "<a>", "|", "#### ", "**", "_", ". ", "? ", ":",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES, ids=repr)
def test_a_naive_search_for_an_end_takes_the_square_of_each_repetition(piece: str) -> None:
    compiled = re.compile(re.escape(piece) + ".*?</end>", re.S)
    times = [least(lambda t: list(compiled.finditer(t)), repeated(piece, n)) for n in (150, 1_200)]
    assert times[1] > 12 * times[0]  # a linear one takes 8 times as long


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_the_square_of_any_repetition(reader: str) -> None:
    """The naive patterns above do, of each of these, and some of ours did. What takes no time at 3,000 characters is not looked at."""
    read = READERS[reader]
    slow = [piece for piece in PIECES if seconds(read, repeated(piece, 3_000)) > 0.03]
    suspect = [piece for piece in slow if growth(read, piece, seconds) > 10]  # linear: 4 times, quadratic: 16
    assert not [piece for piece in suspect if growth(read, piece, least) > 10]


def growth(read: Callable[[str], object], piece: str, time_of: Callable[..., float]) -> float:
    return time_of(read, repeated(piece, 12_000)) / time_of(read, repeated(piece, 3_000))


def repeated(piece: str, characters: int) -> str:
    return piece * (characters // len(piece))


def least(read: Callable[[str], object], text: str) -> float:
    return min(seconds(read, text) for _ in range(3))
