"""The one context of a call: who inherits it, and what is left of it after blocks that do not nest."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import jielong
from jielong import call_context
from jielong.call_context import CallContext, current, sub_path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_there_is_one_context_variable() -> None:
    holders = [
        file.name
        for file in Path(jielong.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "ContextVar"
    ]
    assert holders == ["call_context.py"]


def test_a_block_changes_its_own_fields_and_takes_them_back() -> None:
    assert current() == CallContext()
    with call_context.replace(max_concurrency=3):
        with sub_path("a"), sub_path(1, "b"):
            assert (current().path, current().max_concurrency) == (("a", 1, "b"), 3)
        assert current().path == ()
    assert current() == CallContext()


def test_blocks_that_do_not_nest_take_back_their_own_fields_alone() -> None:
    outer, inner = call_context.replace(max_concurrency=3), call_context.replace(path=("a",))
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    assert (current().path, current().max_concurrency) == (("a",), 64)
    inner.__exit__(None, None, None)
    assert current() == CallContext()


def test_a_generator_that_is_closed_late_brings_nothing_back() -> None:
    def counting() -> Iterator[int]:
        with sub_path("inside"):
            yield 1

    with call_context.replace(max_concurrency=3):
        numbers = counting()
        next(numbers)
    numbers.close()
    assert current() == CallContext()


async def test_tasks_inherit_the_context_and_change_only_their_own() -> None:
    seen = {}

    async def work(name: str) -> None:
        with sub_path(name):
            await anyio.lowlevel.checkpoint()
            seen[name] = current().path

    with sub_path("root"):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, "a")
            tasks.start_soon(work, "b")
        assert current().path == ("root",)
    assert seen == {"a": ("root", "a"), "b": ("root", "b")}


async def test_a_block_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    """As an asynchronous fixture is, or what an event loop finalizes at its end."""

    @asynccontextmanager
    async def block() -> AsyncIterator[None]:
        with call_context.replace(max_concurrency=3):
            yield

    opened = block()

    async def enter() -> None:
        await opened.__aenter__()
        assert current().max_concurrency == 3

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(enter)
    with sub_path("other"):
        await opened.__aexit__(None, None, None)
        assert current() == CallContext(path=("other",))
    assert current() == CallContext()
