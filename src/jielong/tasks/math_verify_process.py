"""math-verify (Kydlíček et al. 2025) in a process of its own, which is killed when a comparison takes too long.

Symbolic comparison can run for ever, and a thread cannot be stopped; a process can. One warm worker is started at the
first comparison, reads pairs as JSON lines on standard input and writes verdicts. It ends when its input does; one
that is deep in a comparison when its parent is killed ends by its own timer of processor time. It sees neither the
environment's keys nor the working directory, and only LaTeX is parsed: no path leads to sympy's `eval`.
"""

import asyncio
import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from ..errors import Unsupported
from ..runtime.runtime import active_runtime
from ..scope import note

MODULE = "jielong.tasks.math_verify_process"
SECONDS = 2.0
SECONDS_TO_START = 120.0  # importing sympy on a machine that is busy with other things
MEMORY = 4 << 30  # bytes of address space; 9**9**9 is to fail, not to swap
_KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "VIRTUAL_ENV")


class MathWorker:
    """One process of a Runtime, and the queue in front of it."""

    def __init__(self) -> None:
        self.killed = 0  # comparisons so far
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = WeakKeyDictionary()
        self.forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def queue(self) -> anyio.CapacityLimiter:
        """Those that wait for the one process take no threads from others."""
        return self._queues.setdefault(asyncio.get_running_loop(), anyio.CapacityLimiter(1))

    def forget(self) -> None:
        """Start afresh without touching the process: after a fork it belongs to the parent."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def _start(self) -> subprocess.Popen[str]:
        root = Path(__file__).parents[2]  # -P: neither the working directory nor this folder may shadow a module
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        command, pipe, null = [sys.executable, "-P", "-m", MODULE], subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=null, encoding="utf-8", env=environment)
        self._process, self._lines = process, queue.Queue()
        threading.Thread(target=_listen, args=(process, self._lines), daemon=True).start()
        with contextlib.suppress(queue.Empty):
            if self._lines.get(timeout=SECONDS_TO_START) == "ready":
                return process
        self.close()
        raise Unsupported(
            "mathematical answers cannot be compared, as math-verify does not start; "
            f"see why with: {sys.executable} -m {MODULE}"
        )

    def ask(self, gold: str, answer: str) -> bool | None:
        """None when the comparison was killed."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            assert process.stdin
            try:
                process.stdin.write(json.dumps([gold, answer]) + "\n")
                process.stdin.flush()
                line = self._lines.get(timeout=SECONDS)
            except (queue.Empty, OSError):
                line = ""
            if not line:
                self.close()
                self.killed += 1
                return None
            return line == "true"

    def close(self) -> None:
        process, self._process = self._process, None
        if process:
            process.kill()
            with contextlib.suppress(OSError), process:  # a line that was not written any more
                pass


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert process.stdout
    with contextlib.suppress(ValueError):  # closed by close()
        for line in process.stdout:
            lines.put(line.strip())
    lines.put("")


async def equal(gold: str, answer: str) -> bool:
    """Whether two mathematical texts mean the same; works from any event loop. A comparison that takes over 2 seconds
    is killed, counts as not equal, and the report says so. What is cancelled is left to end by itself, within the same
    time. Raises Unsupported where math-verify does not start."""
    process = worker()
    verdict = await anyio.to_thread.run_sync(process.ask, gold, answer, limiter=process.queue(), abandon_on_cancel=True)
    if verdict is None:
        note(f"a comparison of mathematical answers took over {SECONDS:g} s and counts as not equal")
    return bool(verdict)


def worker() -> MathWorker:
    return active_runtime().get(MathWorker)


_LATEX = {"π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "∪": r"\cup ", "∩": r"\cap ", "×": r"\times "}
_LATEX |= {"−": "-", "·": r"\cdot ", "÷": r"\div ", "$": ""}


def latex(text: str) -> str:
    r"""What people type as LaTeX: `2√3` is `2\sqrt{3}`, `sqrt(2)` is `\sqrt{2}`, `(-∞, 3]` is `(-\infty, 3]`."""
    text = re.sub(r"√\s?\{?(\d{1,40}(?:\.\d{1,40})?|[A-Za-z])\}?", r"\\sqrt{\1}", text)
    text = re.sub(r"(?:√|(?<![\\A-Za-z])sqrt)\s?\(([^()]{1,100})\)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![\\A-Za-z])(sin|cos|tan|log|ln|exp|pi|infty)(?![A-Za-z])", r"\\\1 ", text)
    return "".join(_LATEX.get(c, c) for c in text)


def main() -> None:
    """The worker: `["gold", "answer"]` in, `true` or `false` out, line by line."""
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing but verdicts on standard output
    with contextlib.suppress(ImportError):  # Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from math_verify import LatexExtractionConfig, parse, verify

    alarm = 1 if hasattr(os, "fork") else None  # seconds; elsewhere it would start a process for each comparison

    def same(gold: str, answer: str) -> bool:
        options = {"fallback_mode": "no_fallback", "parsing_timeout": alarm}
        sides = [parse(f"${latex(side)}$", [LatexExtractionConfig()], **options) for side in (gold, answer)]
        equal = all(sides) and bool(verify(*sides, strict=True, timeout_seconds=alarm))
        return equal and _close(sides[0][0], sides[1][0])

    same("\\frac{1}{2}", "0.5")  # the first one is slow: parsers are built
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        gold, answer = json.loads(line)
        _bound_time(5.0)
        try:
            verdict = same(gold, answer)
        except (MemoryError, RecursionError):
            verdict = False
        _bound_time(0.0)
        print("true" if verdict else "false", file=answers, flush=True)


def _close(a: Any, b: Any) -> bool:
    """math-verify rounds to six places: it takes e^{-50} for e^{-60}. Numbers must be alike in proportion, too."""
    if not (getattr(a, "is_number", False) and getattr(b, "is_number", False)) or b == 0 or a == b:
        return True
    return bool(abs((a / b).evalf(20) - 1) < 1e-5)


def _bound_time(seconds: float) -> None:
    """After so much processor time the system ends this process, whatever it is in; 0 takes the timer back."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
