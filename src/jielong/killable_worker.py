"""Work on foreign data that can run for ever or eat all memory, in a warm process that is killed when it does.

A thread cannot be stopped; a process can. What is to run is named `module:function`; that function takes nothing,
imports what is slow to import, and returns the function that does the work:

    worker = active_runtime().get(KillableWorker, "jielong.tasks.math_verify_process:comparer", 2.0, 4 << 30)
    equal = await worker.call("1/2", "0.5")        # arguments and result are JSON

The process starts at the first call. It sees none of the environment's keys, and neither the working directory nor a
folder of the user can shadow a module in it. It ends when its input does, and by a timer of processor time where its
parent was killed. What comes back is JSON, so that a parser that was taken over cannot take over this process.
"""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio.to_thread

from .errors import Unsupported, WorkStopped
from .sync import LoopLimiter

SECONDS_TO_START = 120.0  # importing sympy on a machine that is busy with other things
LONGEST_RESULT = 64 << 20  # bytes of JSON
_OUT_OF_MEMORY = 77  # exit status
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "VIRTUAL_ENV")


class KillableWorker:
    """`seconds`: for one call, without the start. `memory`: bytes of address space of the process, where the system
    can limit it. `processes`: so many calls run at once; others wait. `stopped` counts the calls that were killed."""

    def __init__(self, function: str, seconds: float, memory: int, processes: int = 1) -> None:
        self.seconds, self.stopped, self.processes = seconds, 0, processes
        self._command = [sys.executable, "-P", "-m", __name__, function, str(seconds), str(memory)]
        self._limiter = LoopLimiter(processes)  # who waits takes no threads
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)  # there the processes are the parent's

    def _forget(self) -> None:
        self._slots: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        self._running: set[subprocess.Popen[bytes]] = set()
        for _ in range(self.processes):
            self._slots.put(None)

    def run(self, *arguments: Any) -> Any:
        """As `call`, from a thread that may wait."""
        return self._run(_Call(json.dumps(arguments).encode() + b"\n"))

    async def call(self, *arguments: Any) -> Any:
        """The result, from any event loop; a cancelled call is killed. Raises WorkStopped when it took too long or too
        much memory, crashed or raised, and Unsupported where the process does not start."""
        call = _Call(json.dumps(arguments).encode() + b"\n")
        try:
            return await anyio.to_thread.run_sync(self._run, call, limiter=self._limiter.here(), abandon_on_cancel=True)
        finally:
            call.cancel()

    def _run(self, call: "_Call") -> Any:
        slots = self._slots
        process = slots.get()
        try:
            if process is None or process.poll() is not None:
                process = None
                process = self._start()
            self._running.add(process)
            started = time.monotonic()
            line = call.send(process, self.seconds)
            if call.cancelled:
                _end(process)  # it may have answered in the moment in which it was killed
            if line.endswith(b"\n"):
                result = json.loads(line)
                if "error" in result:
                    raise WorkStopped(result["error"])
                return result["result"]
            _end(process)
            self.stopped += 1
            raise WorkStopped(self._reason(process, time.monotonic() - started, len(line)))
        finally:
            if process:
                self._running.discard(process)
            slots.put(process)

    def _reason(self, process: subprocess.Popen[bytes], seconds: float, length: int) -> str:
        if length:
            return f"its result has over {length:,} bytes"
        if seconds >= self.seconds:
            return f"it took over {self.seconds:g} s"
        memory = int(self._command[-1]) >> 20
        out_of_memory = f"it needed more than {memory:,} MB of memory"
        return out_of_memory if process.returncode == _OUT_OF_MEMORY else f"it crashed, or {out_of_memory[3:]}"

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).parents[1]  # -P: neither the working directory nor this folder may shadow a module
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=null, env=environment)
        if _Call(b"").send(process, SECONDS_TO_START) == b"ready\n":
            return process
        _end(process)
        command = " ".join(self._command[:-2])
        raise Unsupported(f"a part of this program does not start; see why with: {command}")

    def idle(self) -> subprocess.Popen[bytes] | None:
        """The process that takes the next call, if one is warm."""
        return self._slots.queue[-1] if self._slots.queue else None

    def close(self) -> None:
        for process in [*self._running]:
            process.kill()
        with contextlib.suppress(queue.Empty):
            for _ in range(self.processes):
                if idle := self._slots.get_nowait():
                    _end(idle)
        self._forget()


class _Call:
    """One line to a process and one back; `cancel` kills the process if it is still at it, from any thread."""

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.cancelled = False

    def send(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """What came back, without its line end where the process was killed or ended."""
        assert process.stdin
        assert process.stdout
        with self._lock:
            if self.cancelled:
                return b'{"error": "cancelled"}\n'
            self._process = process
        timer = threading.Timer(seconds, self.cancel)
        timer.daemon = True
        timer.start()
        try:
            process.stdin.write(self._line)
            process.stdin.flush()
            return process.stdout.readline(LONGEST_RESULT)
        except OSError:
            return b""
        finally:
            timer.cancel()
            with self._lock:
                self._process = None

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            if self._process:
                self._process.kill()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(OSError), process:  # a line that was not written any more
        pass


def main(function: str, seconds: float, memory: int) -> None:
    """The process: a JSON list of arguments in, the result out, line by line."""
    results, sys.stdout = sys.stdout, sys.stderr  # nothing but results on standard output
    with contextlib.suppress(ImportError):  # Windows
        import resource

        for limit, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
            hard = resource.getrlimit(limit)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (most, most))
    module, _, name = function.partition(":")
    work: Callable[..., Any] = getattr(import_module(module), name)()
    print("ready", file=results, flush=True)
    for line in sys.stdin.buffer:
        bound_time(2 * seconds + 1)
        try:
            result = {"result": work(*json.loads(line))}
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)  # what is left of such a process is not to be trusted
        except Exception as error:  # whatever a parser raises at what it was not made for
            result = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        bound_time(0.0)
        print(json.dumps(result), file=results, flush=True)


def bound_time(seconds: float) -> None:
    """After so much processor time the system ends this process, whatever it is in; 0 takes the timer back."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
