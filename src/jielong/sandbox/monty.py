"""pydantic-monty: a Python subset in worker processes, without files or network; starts in 0.1 ms.

It lacks inheritance, `yield`, `del`, properties and most imports, so it is for expressions and small programs.
"""

import threading
import time

import anyio.to_thread
from pydantic_monty import CollectStreams, Monty, MontyCrashedError, MontyError, ResourceLimits

from ..runtime.runtime import active_runtime
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


def _run(code: str, limits: SandboxLimits) -> ProgramResult:
    printed = CollectStreams(max_bytes=limits.output_bytes)
    started = time.monotonic()
    value: str | None = None
    status: Status = "ok"
    output = ""
    try:
        most: ResourceLimits = {"max_feed_duration_secs": limits.seconds, "max_memory": limits.memory_mb * 1_000_000}
        with active_runtime().get(_Pool).get().checkout(limits=most) as session:
            result = session.feed_run(code, print_callback=printed)
            value = None if result is None else repr(result)
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
