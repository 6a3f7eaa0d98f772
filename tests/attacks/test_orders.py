"""Work that a client orders of the server: each attack works on a stand-in that does the job naively, and not here.

What a second client waits for meanwhile, memory and the end of the server are measured by `benchmarks/attacks.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jielong import load
from jielong.models.scripted import Scripted
from jielong.serving.request_lifetime import ServerLimits
from serving.served import Served, until

ASKED: list[Any] = [{"role": "user", "content": "hi"}]
LIMITS = ServerLimits(
    head_seconds=5.0, body_seconds=5.0, write_seconds=0.3, refusal_seconds=0.0, connections=40, unread_bytes=20_000_000
)
QUICK = 5.0  # seconds, on a machine that does other things; each attack takes the stand-in for ever, or beyond limits


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all attacks: that it still answers after each of them is part of the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JIELONG_HOME", str(tmp_path_factory.mktemp("home")))
        with Served("mini", Scripted("word " * 600_000), allow=["mini"], limits=LIMITS) as served:
            yield served


def post(served: Served, body: bytes | dict[str, Any], path: str = "/v1/chat/completions") -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    try:
        connection.request("POST", path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def lives(served: Served) -> None:
    assert post(served, {"model": "mini", "messages": ASKED, "max_tokens": 2})[0] == 200


# --- schemas ----------------------------------------------------------------------------------------------------------


def all_of(*forms: dict[str, Any], kind: str = "string") -> dict[str, Any]:
    return {"type": kind, "allOf": list(forms)}


SCHEMAS = {
    "patterns that each look for a letter somewhere": all_of(*({"pattern": f"a.{{{i}}}b"} for i in range(40))),
    "the same behind references": {
        "$ref": "#/$defs/all",
        "$defs": {"all": all_of(*({"$ref": f"#/$defs/p{i}"} for i in range(40))),
                  **{f"p{i}": {"pattern": f"x.{{{i}}}y"} for i in range(40)}},
    },
    "the same as the items of a list": {
        "type": "array", "items": all_of(*({"pattern": f"^(..)*a.{{{i}}}b"} for i in range(40))),
    },
    "the same in a property": {
        "type": "object", "properties": {"a": all_of(*({"pattern": f"[ab].{{{i}}}c"} for i in range(40)))},
    },
    "multiples of many primes at once": all_of(*({"multipleOf": p} for p in (101, 97, 89, 83, 79)), kind="integer"),
    "patterns that count in primes": all_of(
        *({"pattern": f"^(.{{{p}}})*$"} for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43))
    ),
}  # fmt: skip
NAIVE_COMPILER = """
import json, sys, llguidance
from jielong.models.mini import WEIGHTS
vocabulary = llguidance.LLTokenizer((WEIGHTS / "tokenizer.json").read_text(), n_vocab=1792, eos_token=1)
for form in json.load(sys.stdin):
    print("began", flush=True)
    grammar = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(form))
    matcher = llguidance.LLMatcher(vocabulary, grammar, log_level=0)
    while not matcher.is_error() and (mask := int.from_bytes(matcher.compute_bitmask(), "little")):
        if not matcher.consume_token((mask & -mask).bit_length() - 1) or matcher.is_stopped():
            break
    print("ended" if not matcher.is_error() else "gave up", flush=True)
"""


def naive_compiler_ends(form: dict[str, Any], seconds: float) -> bool:
    """Whether llguidance alone, with its own limits, is done with a schema within so much time."""
    command = [sys.executable, "-c", NAIVE_COMPILER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([form]))
        process.stdin.close()
        assert process.stdout.readline() == "began\n"
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        outcome = process.stdout.readline()
        timer.cancel()
        process.kill()
    return outcome == "ended\n"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_takes_for_ever_is_refused_and_others_are_answered_meanwhile(served: Served, name: str):
    assert not naive_compiler_ends(SCHEMAS[name], 1.0)
    described = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS[name]}}
    outcome: list[tuple[int, str]] = []
    asking = threading.Thread(
        target=lambda: outcome.append(post(served, {"model": "mini", "messages": ASKED, "response_format": described}))
    )
    asking.start()
    while not outcome:
        began = time.monotonic()
        lives(served)
        assert time.monotonic() - began < QUICK
        time.sleep(0.1)
    asking.join()
    assert outcome[0][0] == 404
    assert "cannot be enforced" in outcome[0][1]


def test_the_schema_of_a_tool_has_the_same_limits(served: Served):
    form = SCHEMAS["the same in a property"] | {"title": "of a tool"}
    tool = {"type": "function", "function": {"name": "f", "parameters": form}}
    status, text = post(served, {"model": "mini", "messages": ASKED, "tools": [tool]})
    assert (status, "cannot be enforced" in text) == (404, True)
    lives(served)


HONEST = {
    "an address": {"type": "object", "properties": {
        "street": {"type": "string", "maxLength": 80}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
        "country": {"enum": ["de", "fr", "cn"]}}, "required": ["street", "zip"]},
    "a date and an e-mail": {"type": "object", "properties": {
        "at": {"type": "string", "format": "date-time"}, "to": {"type": "string", "format": "email"}}},
    "a tree": {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}},
    "fifty columns": {"type": "object", "properties": {f"column{i}": {"type": ["number", "null"]} for i in range(50)}},
    "bounds": {"type": "array", "minItems": 1, "maxItems": 9, "items": {"type": "integer", "minimum": 0, "maximum": 9}},
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_honest_schemas_pass(served: Served, name: str):
    described = {"type": "json_schema", "json_schema": {"name": "x", "schema": HONEST[name]}}
    body = {"model": "mini", "messages": ASKED, "response_format": described, "max_tokens": 20}
    assert post(served, body)[0] == 200


# --- bodies -----------------------------------------------------------------------------------------------------------


def of_messages(messages: str, more: str = "") -> bytes:
    return f'{{"model": "mini", "messages": {messages}, "max_tokens": 2{more}}}'.encode()


HELLO = json.dumps(ASKED)
BODIES: dict[str, Callable[[], bytes]] = {
    "a megabyte of words for 512 tokens": lambda: of_messages(HELLO.replace("hi", "some words " * 100_000)),
    "a megabyte of Chinese": lambda: of_messages(HELLO.replace("hi", "接龙" * 170_000)),
    "a megabyte in a tool's description": lambda: of_messages(
        HELLO, ', "tools": [{"type": "function", "function": {"name": "f", "description": "%s"}}]' % ("word " * 200_000)
    ),
    "200,000 messages": lambda: of_messages("[" + ",".join([HELLO[1:-1]] * 200_000) + "]"),
    "a thousand messages for 512 tokens": lambda: of_messages("[" + ",".join([HELLO[1:-1]] * 1000) + "]"),
    "a million empty objects": lambda: of_messages(HELLO, ', "metadata": {"a": [' + "{}," * 999_999 + "{}]}"),
    "half a million numbers": lambda: of_messages(HELLO, ', "metadata": {"a": [' + "1," * 499_999 + "1]}"),
    "300,000 keys": lambda: of_messages(HELLO, "".join(f', "k{i}": 1' for i in range(300_000))),
    "objects 5,000 deep": lambda: of_messages(HELLO, ', "metadata": ' + '{"a":' * 5000 + "1" + "}" * 5000),
    "lists 200 deep": lambda: of_messages(HELLO, ', "metadata": {"a": ' + "[" * 200 + "]" * 200 + "}"),
    "an integer of 100,000 digits": lambda: of_messages(HELLO, f', "seed": {"7" * 100_000}'),
    "an integer of 5,000 digits, for Python's own limit": lambda: of_messages(HELLO, f', "seed": {"7" * 5000}'),
    "a stop text of a megabyte": lambda: of_messages(HELLO, f', "stop": "{"a" * 1_000_000}"'),
    "half a surrogate pair": lambda: of_messages(HELLO.replace("hi", "\\ud83d")),
    "numbers that are none": lambda: of_messages(HELLO, ', "metadata": {"a": NaN, "b": -Infinity}'),
    "1,000 faults at once": lambda: of_messages(HELLO, "".join(f', "k{i}": 1' for i in range(1000))),
    "3,000 wrong parts": lambda: of_messages(
        '[{"role": "user", "content": [' + ",".join(['{"type": "text", "text": 1}'] * 3000) + "]}]"
    ),
    "100,000 texts to embed": lambda: json.dumps({"model": "mini", "input": ["a"] * 100_000}).encode(),
}


def naive_reading_takes_it(data: bytes) -> bool:
    """A server that reads what it is sent: everything becomes a value, and every text tokens."""
    from tokenizers import Tokenizer

    from jielong.models.mini import WEIGHTS

    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    limit, sys_limit = sys.getrecursionlimit(), sys.get_int_max_str_digits()
    sys.setrecursionlimit(20_000)
    sys.set_int_max_str_digits(0)
    try:
        value = json.loads(data)
    except RecursionError:
        return True  # it reached Python's stack
    finally:
        sys.setrecursionlimit(limit)
        sys.set_int_max_str_digits(sys_limit)
    texts = [part for part in value.get("messages", []) if isinstance(part["content"], str)]
    sample = "".join(message["content"] for message in texts[:3])[:20_000]
    return bool(value) and (not sample or "\ud83d" in sample or len(tokenizer.encode(sample).ids) > 0)


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_orders_too_much_is_refused_before_anything_is_made_of_it(served: Served, name: str):
    data = BODIES[name]()
    assert naive_reading_takes_it(data)
    path = "/v1/embeddings" if b'"input"' in data[:40] else "/v1/chat/completions"
    began = time.monotonic()
    status, text = post(served, data, path)
    assert 400 <= status < 500, text[:200]
    assert len(text) < 1000
    assert time.monotonic() - began < QUICK
    lives(served)


def test_bodies_in_flight_are_bounded_and_small_ones_still_pass():
    limits = ServerLimits(bytes_in_flight=3_000_000, refusal_seconds=0.0)
    with Served(Scripted("hello"), limits=limits) as served:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(5)]
        statuses: list[bytes] = []

        def send(connection: socket.socket) -> None:
            connection.settimeout(20)
            connection.sendall(head + b"Content-Length: 2000000\r\n\r\n" + b'"' + b"x" * 1_000_000)
            with contextlib.suppress(OSError):
                statuses.append(connection.recv(12)[9:])

        threads = [threading.Thread(target=send, args=(each,), daemon=True) for each in held]
        for thread in threads:
            thread.start()
        until(lambda: b"503" in statuses)
        assert post(served, {"model": "scripted:test", "messages": ASKED})[0] == 200
        for connection in held:
            connection.close()


# --- composed recipes -------------------------------------------------------------------------------------------------

RECIPES = {
    "a budget of one call around many samples": "mini | self_consistency(n=5000) | budget(calls=1)",
    "a budget between two fan-outs": "mini | self_consistency(n=200) | budget(calls=2) | self_consistency(n=200)",
    "a budget of seconds": "mini | best_of_n(n=100000) | budget(seconds=1)",
    "a fan-out in a scorer": "mini | best_of_n(n=2, scorer=mini | self_consistency(n=9000) | budget(calls=1))",
    "a tree of many thoughts": "mini | tree_of_thoughts(breadth=9999, depth=9999, k=9999) | budget(tokens=10)",
    "a number of 3,000 digits": f"mini | self_consistency(n={'9' * 3000})",
    "a number that is none": "mini | self_consistency(n=4, confidence=nan)",
    "a number beyond all": "mini | reflexion(signal=examples, rounds=100000000)",
    "minus a million": "mini | self_refine(rounds=-1000000)",
    "many rounds in many rounds": "mini | self_refine(rounds=200) | self_refine(rounds=200) | budget(calls=1)",
    "samples in samples in samples": "mini" + " | self_consistency(n=7)" * 3 + " | budget(calls=3)",
    "forty steps": "mini" + " | cot" * 40,
    "examples beyond number": "mini | few_shot(examples=[[a, b]], k=1000000000000)",
}


def naively_composed_makes_it(recipe: str) -> bool:
    """A server that builds what it is sent."""
    return load(recipe).max_calls() != 0


@pytest.mark.parametrize("name", RECIPES)
def test_a_composed_recipe_is_refused_for_what_it_would_begin(served: Served, name: str):
    assert naively_composed_makes_it(RECIPES[name])
    began = time.monotonic()
    status, text = post(served, {"model": RECIPES[name], "messages": ASKED, "max_tokens": 2})
    assert (status, "model" in text) == (400, True), text
    assert time.monotonic() - began < QUICK
    lives(served)


def test_choices_multiply_the_calls_of_a_composed_recipe(served: Served):
    body = {"model": "mini | self_consistency(n=16)", "messages": ASKED, "n": 17, "temperature": 1}
    assert post(served, body)[0] == 400


def test_an_honest_budget_may_be_large(served: Served):
    recipe = "mini | options(seed=1234567, max_tokens=8) | self_consistency(n=3) | budget(tokens=100000)"
    assert post(served, {"model": recipe, "messages": ASKED})[0] in (200, 422)


# --- connections ------------------------------------------------------------------------------------------------------

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = json.dumps({"model": "scripted:test", "messages": ASKED}).encode()
ASKING = HEAD + b"Content-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# name: what is sent at once, and what again and again
SENT = {
    "a whole reply of 3 MB that nobody reads": (ASKING, b""),
    "two of them in one go": (ASKING * 2, b""),
    "a second head without an end while the first is answered": (ASKING + b"GET / HTTP/1.1\r\n", b"X: " + b"y" * 9000),
    "a trailer without an end": (CHUNKED + b"0\r\n", b"X: " + b"y" * 9000),
    "the name of a chunk without an end": (CHUNKED + b"1;", b"y" * 9000),
    "a body in chunks of one byte": (CHUNKED, b"1\r\n \r\n" * 500),
    "a body that drips": (HEAD + b"Content-Length: 9000\r\n\r\n", b" "),
    "a head that drips": (HEAD, b"X"),
    "a hundred requests in one go": (b"", b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100),
}


async def _naive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that reads whatever comes, and answers with 3 MB."""
    data = b""
    while piece := await reader.read(65536):
        if not data:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        data += piece


def holds_on(port: int, name: str, seconds: float) -> bool:
    """Whether a server keeps a connection that does this."""
    first, again = SENT[name]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.02)
        ends = time.monotonic() + seconds
        try:
            connection.sendall(first)
            while time.monotonic() < ends:
                try:
                    if again:
                        connection.send(again)
                    elif not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                        connection.send(b" ")  # fails once the other side is gone
                except TimeoutError:
                    pass
                time.sleep(0.002)
        except ConnectionError:
            return False
    return True


@pytest.fixture(scope="module")
def naive_port() -> Iterator[int]:
    started, loop = threading.Event(), asyncio.new_event_loop()
    port: list[int] = []

    async def serve() -> None:
        server = await asyncio.start_server(_naive, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        started.set()
        await server.serve_forever()

    def run() -> None:
        with contextlib.suppress(RuntimeError):  # it is stopped
            loop.run_until_complete(serve())

    threading.Thread(target=run, daemon=True).start()
    started.wait(10)
    yield port[0]
    loop.call_soon_threadsafe(loop.stop)


@pytest.mark.parametrize("name", SENT)
def test_a_connection_that_only_costs_is_closed(served: Served, naive_port: int, name: str):
    assert holds_on(naive_port, name, 0.3)
    assert not holds_on(served.port, name, 20.0)
    lives(served)


def test_connections_are_bounded_and_those_that_wait_for_their_client_make_room(served: Served):
    idle = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(3 * LIMITS.connections)]
    lives(served)
    idle[0].settimeout(20)
    assert idle[0].recv(1) == b"", "the one that waited longest is closed"
    for connection in idle:
        connection.close()
    lives(served)
