"""Two Runtimes in one process share nothing; what one holds ends with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

import jielong
from endpoint import Answer, Endpoint
from jielong.call_context import current
from jielong.contract import Message, Request, Sampling
from jielong.lifetime import Lifetime
from jielong.models.openai.connection_pools import connection_pool
from jielong.models.openai.endpoint_errors import EndpointMemory
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.runtime.concurrency_limiter import limiter_of
from jielong.runtime.runtime import Runtime, active_lifetime, active_runtime
from jielong.tasks.math_verify_process import worker

pytestmark = pytest.mark.anyio
WARM = Request((Message("user", "x"),), Sampling(temperature=0.5))


def refusing_temperature(body: dict[str, object], n: int) -> Answer:
    if "temperature" in body:
        return Answer(status=400, body='{"error": {"message": "unsupported", "param": "temperature"}}')
    return Answer("fine")


async def test_two_runtimes_do_not_see_each_other() -> None:
    with Endpoint(refusing_temperature) as endpoint:
        seen = []
        for start in (4, 8):
            async with Runtime(initial_concurrency=start) as runtime:
                model = load(f"openai:stub@{endpoint.url}")
                assert model.ask("x") == "fine"
                await model.generate(WARM)
                await model.generate(WARM)
                pool = await connection_pool()
                seen.append((limiter_of("an endpoint"), runtime.get(EndpointMemory), pool, worker()))
                assert limiter_of("an endpoint").limit == start
                assert limiter_of("an endpoint") is limiter_of("an endpoint")
            assert pool.closed
        # each has found out for itself that the endpoint refuses the setting: once, and never again
        assert endpoint.stats.requests == 2 * 4
        first, second = seen
        assert all(one is not other for one, other in zip(first, second, strict=True))
    assert active_runtime() not in (first[1], second[1])


async def test_weights_are_loaded_once_in_a_runtime() -> None:
    from jielong.models.local.loaded_checkpoint import LoadedCheckpoint
    from jielong.models.mini import Mini

    def batcher() -> object:
        return active_runtime().get(LoadedCheckpoint, Mini().checkpoint).batcher()

    async with Runtime():
        one = batcher()
        assert batcher() is one
        async with Runtime():
            assert batcher() is not one
        assert batcher() is one


async def test_what_a_block_opened_is_closed_at_its_end_in_reverse_order() -> None:
    closed: list[str] = []

    class First:
        def close(self) -> None:
            closed.append("first")

    class Second:
        async def close(self) -> None:
            await anyio.lowlevel.checkpoint()
            closed.append("second")

    async with Runtime() as runtime:
        async with Scripted("x") as model:
            assert active_lifetime() is not runtime
            active_lifetime().get(First)
            active_lifetime().get(Second)
            assert (await model.generate(WARM)).text == "x"
        assert closed == ["second", "first"]
        assert active_lifetime() is runtime
        active_lifetime().get(First)
    assert closed == ["second", "first", "first"]


def test_a_notebook_opens_one_and_closes_it() -> None:
    runtime = Runtime().open()
    assert active_runtime() is runtime
    runtime.close()
    assert current().runtime is None
    assert type(active_lifetime()) is not Lifetime


def test_an_object_is_made_once_for_all_threads() -> None:
    made = 0

    class Slow:
        def __init__(self) -> None:
            nonlocal made
            made += 1

    runtime = Runtime()

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(anyio.to_thread.run_sync, runtime.get, Slow)

    anyio.run(main)
    assert made == 1


# --- no state outside ------------------------------------------------------------------------------------------------

MUTABLE = {"WeakKeyDictionary", "WeakValueDictionary", "Lock", "RLock", "count", "defaultdict",
           "deque", "Counter", "OrderedDict", "Event", "Condition"}  # fmt: skip
CONTAINERS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
ALLOWED = {
    "registry.py: _registered": "what decorators registered when their module was imported",
    "sync.py: _portal_thread": "the one thread with an event loop for synchronous callers",
    "sync.py: _portal": "the same",
    "runtime/runtime.py: _process_runtime": "the Runtime of a process that opened none",
}


def _state(file: Path) -> Iterator[str]:
    """Names of a module that hold what a call may change: containers that functions fill, and caches of functions."""
    tree = ast.parse(file.read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = ast.unparse(targets[0])
            called = ast.unparse(node.value.func).rpartition(".")[2] if isinstance(node.value, ast.Call) else ""
            container = isinstance(node.value, CONTAINERS) or called in ("dict", "list", "set")
            changed = container and any(_changes(function, name) for function in functions)
            if changed or called in MUTABLE or called.endswith(("Pool", "Worker")):
                yield name


def _changes(function: ast.AST, name: str) -> bool:
    for node in ast.walk(function):
        stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del)
        if stored and ast.unparse(node.value) == name:
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            changing = ("append", "add", "update", "setdefault", "pop", "clear", "extend", "remove", "discard")
            if ast.unparse(node.func.value) == name and node.func.attr in changing:
                return True
    return False


def _cached(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            names = {ast.unparse(decorator).split("(")[0].rpartition(".")[2] for decorator in node.decorator_list}
            if names & {"cache", "lru_cache"}:
                yield node.name


PURE_CACHES = {
    "answers/": "tables of words",
    "cli/messages/": "the packaged messages",
    "documents/ngrams.py": "tables of characters and of powers",
    "improving/prompt_search/phrase_grammar.py": "the packaged phrases",
    "improving/improve_result.py": "the schema of a type",
    "models/local/checkpoint_folder.py": "the digest of a checkpoint's files",
    "models/mini/__init__.py": "the digest of the packaged weights",
    "models/template_rendering.py": "chat templates, compiled, by their text",
    "prompts/": "the packaged prompts",
    "reporting/": "packaged templates and words",
    "retrieval/full_text.py": "a table of characters",
    "runtime/prices.py": "the packaged price table",
    "runtime/telemetry/semantic_conventions.py": "a recipe as a short name",
    "sandbox/bubblewrap.py": "what this machine has installed",
    "sandbox/landlock.py": "what this machine has",
    "sandbox/process.py": "what runs inside, compiled",
    "tasks/bfcl.py": "the packaged file names",
    "tasks/format_task.py": "the packaged words",
    "tasks/mini_tasks.py": "the packaged world",
    "tasks/text_overlap.py": "scorers without state, by their settings",
    "techniques/few_shot.py": "a file of examples, by its content",
    "techniques/self_consistency.py": "a table of numbers",
    "techniques/statement_support.py": "what a text holds, by the text",
    "training/instructions/template_rows.py": "the packaged templates",
    "world/": "the packaged world",
}


def test_no_module_holds_what_a_call_changes() -> None:
    source = Path(jielong.__file__).parent
    found = []
    for file in sorted(source.rglob("*.py")):
        name = file.relative_to(source).as_posix()
        state = [f"{name}: {each}" for each in _state(file)]
        if not any(name.startswith(pure) for pure in PURE_CACHES):
            state += [f"{name}: {each}" for each in _cached(file)]
        found += [each for each in state if each not in ALLOWED]
    assert found == []
