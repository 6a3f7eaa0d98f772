"""pydantic-monty: a Python subset in worker processes, without files or network; starts in 0.1 ms.

It lacks inheritance, `yield`, `del`, properties and most imports, so it is for expressions and small programs.
"""

import contextlib
import threading
import time
from typing import Any

import anyio.to_thread
from pydantic_monty import CollectStreams, Monty, MontyCrashedError, MontyError, MontySession

from ..runtime.runtime import active_runtime
from .inside.plain_values import encode
from .inside.test_runner import wanted
from .program_result import ProgramResult, SandboxLimits, Status


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._monty: Monty | None = None

    def get(self) -> Monty:
        with self._lock:
            if self._monty is None:
                self._monty = Monty().__enter__()
            return self._monty

    def close(self) -> None:
        with self._lock:
            if self._monty is not None:
                self._monty.__exit__(None, None, None)
                self._monty = None


async def run(code: str, limits: SandboxLimits) -> ProgramResult:
    return await anyio.to_thread.run_sync(_run, code, limits, abandon_on_cancel=True)


async def run_tests(program: str, tests: str, limits: SandboxLimits) -> ProgramResult:
    """Tests in one session, the program in another: only plain values pass between them."""
    return await anyio.to_thread.run_sync(_run, tests, limits, program, abandon_on_cancel=True)


def _session(limits: SandboxLimits) -> MontySession:
    most = {"max_feed_duration_secs": limits.seconds, "max_memory": limits.memory_mb * 1_000_000}
    return active_runtime().get(_Pool).get().checkout(limits=most)  # type: ignore[arg-type]


class _Judged:
    """A program whose functions the tests of another session may call."""

    def __init__(self, session: MontySession, program: str, printed: CollectStreams) -> None:
        self._session, self._printed = session, printed
        self.end: MontyError | None = None
        session.feed_run(program, print_callback=printed)

    def function(self, name: str) -> Any:
        def _call(*arguments: object, **named: object) -> object:
            inputs = {"_arguments": arguments, "_named": named}
            code = f"{name}(*_arguments, **_named)"
            try:
                value = self._session.feed_run(code, inputs=inputs, print_callback=self._printed)
            except MontyError as error:
                inner = error.exception()
                if isinstance(error, MontyCrashedError) or isinstance(inner, TimeoutError | MemoryError):
                    self.end = error  # no test may take it for an exception that it expected
                if isinstance(inner, StopIteration):
                    raise RuntimeError("the program raised StopIteration") from None
                raise inner from None
            encode(value, _refused)
            return value

        return _call


def _refused(value: object) -> bytes:
    raise TypeError(f"{type(value).__name__} is no plain value")


def _run(code: str, limits: SandboxLimits, judged: str | None = None) -> ProgramResult:
    """`judged` is a program whose functions the code may call."""
    printed = CollectStreams(max_bytes=limits.output_bytes)
    started = time.monotonic()
    value: str | None = None
    status: Status = "ok"
    output = ""
    try:
        with contextlib.ExitStack() as sessions:
            names = {}
            if judged is not None:
                program = _Judged(sessions.enter_context(_session(limits)), judged, printed)
                names = {name: program.function(name) for name in wanted(code)}
            session = sessions.enter_context(_session(limits))
            result = session.feed_run(code, print_callback=printed, external_lookup=names)
            value = None if result is None else repr(result)
            if judged is not None and program.end:
                raise program.end
    except SyntaxError as error:
        status, output = "error", f"SyntaxError: {error}"
    except MontyCrashedError as error:
        status, output = "timeout" if error.timed_out else "memory", str(error)
    except MontyError as error:
        inner = error.exception()
        kinds: dict[type[BaseException], Status] = {TimeoutError: "timeout", MemoryError: "memory"}
        status = next((kinds[kind] for kind in kinds if isinstance(inner, kind)), "error")
        output = f"{type(inner).__name__}: {inner}"
    stdout = "".join(text for stream, text in printed.output if stream == "stdout")
    stderr = "".join(text for stream, text in printed.output if stream == "stderr") + output
    return ProgramResult(status, stdout, stderr, value, time.monotonic() - started, "monty")
