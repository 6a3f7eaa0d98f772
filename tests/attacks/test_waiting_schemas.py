"""Schemas that wait for the process that tries them: so many at most, and who comes on top is told to try again."""

import http.client
import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from jielong.contract import Message, Request, ToolSpec
from jielong.errors import Overloaded
from jielong.models import constrained_decoding
from jielong.models.chat_template import ChatTemplate
from jielong.models.mini import WEIGHTS
from jielong.runtime.runtime import Runtime
from serving.served import Served

ORDERS = 12
ASKED = (Message("user", "hi"),)
SCHEMAS: dict[str, Callable[[int], dict[str, Any]]] = {  # each needs a trial, and none is the same as another
    "patterns": lambda n: {"type": "string", "pattern": f"^a{{{n + 1}}}$"},
    "multiples": lambda n: {"type": "integer", "multipleOf": n + 1},
    "what allOf combines": lambda n: {"allOf": [{"type": "integer"}, {"maximum": n}]},
    "lists of a length": lambda n: {"type": "array", "items": {"type": "null"}, "minItems": n, "maxItems": n},
    "plain schemas of many values": lambda n: {"type": "string", "enum": [f"{n} {i}" for i in range(400)]},
}


def request(name: str, n: int, tool: bool) -> Request:
    form = SCHEMAS[name](n)
    if tool:
        return Request(ASKED, tools=(ToolSpec("f", "", {"type": "object", "properties": {"a": form}}),))
    return Request(ASKED, schema=form)


async def naive_queue() -> int:
    """How many wait for one lock at once."""
    turns, waiting, most = anyio.Lock(), 0, 0

    async def compile_one() -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        async with turns:
            waiting -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(ORDERS):
            tasks.start_soon(compile_one)
    return most


@pytest.mark.parametrize("tool", [False, True], ids=["of replies", "of tools"])
@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.anyio
async def test_no_more_schemas_wait_than_the_limit(name: str, tool: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await naive_queue() == ORDERS
    monkeypatch.setattr(constrained_decoding, "MAX_WAITING", 3)
    template, refused = ChatTemplate(WEIGHTS), 0

    async def ask(n: int) -> None:
        nonlocal refused
        try:
            await template.constraint(request(name, n, tool), frozenset({1}))
        except Overloaded:
            refused += 1

    async with Runtime():
        async with anyio.create_task_group() as tasks:
            for n in range(ORDERS):
                tasks.start_soon(ask, n)
        assert refused == ORDERS - 3
        refused = 0
        async with anyio.create_task_group() as tasks:
            for _ in range(ORDERS):
                tasks.start_soon(ask, ORDERS)  # one schema, wanted by many, is one
    assert refused == 0


def test_a_client_is_told_that_the_server_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS["patterns"](1)}}
    body = json.dumps({"model": "mini", "messages": [{"role": "user", "content": "hi"}], "response_format": form})
    with Served("mini", allow=["mini"]) as served:
        for limit, expected in ((0, 503), (1, 200)):
            monkeypatch.setattr(constrained_decoding, "MAX_WAITING", limit)
            connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
            connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
            connection.close()
            assert response.status == expected
            if expected == 503:
                assert response.headers["Retry-After"] == "1"
                assert answer["error"]["code"] == "busy"
                assert "wait to be compiled already; try again" in answer["error"]["message"]
