"""math-verify in a process of its own, which is killed when a comparison takes too long.

One warm worker (`python -m jielong.tasks.math_process`) reads pairs as JSON lines and writes verdicts. Symbolic
comparison can run for ever, and a thread cannot be stopped; a process can. The worker ends when its input does, so
none is left over when its parent is killed.
"""

from __future__ import annotations

import atexit
import json
import queue
import subprocess
import sys
import threading

import anyio
import anyio.to_thread

SECONDS = 5.0
SECONDS_TO_START = 60.0


class _Worker:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self.killed = 0

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "jielong.tasks.math_process"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        self._process, self._lines = process, queue.Queue()
        threading.Thread(target=self._listen, args=(process, self._lines), daemon=True).start()
        self._lines.get(timeout=SECONDS_TO_START)  # it says that it is ready
        return process

    @staticmethod
    def _listen(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def ask(self, gold: str, answer: str) -> bool:
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            assert process.stdin
            try:
                process.stdin.write(json.dumps([gold, answer]) + "\n")
                line = self._lines.get(timeout=SECONDS)
            except (queue.Empty, OSError):
                self.stop()
                self.killed += 1
                return False
            return line.strip() == "true"

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


_worker = _Worker()
atexit.register(_worker.stop)


async def equal(gold: str, answer: str) -> bool:
    """Whether two mathematical texts mean the same; a comparison that takes over 5 seconds is killed and says no."""
    return await anyio.to_thread.run_sync(_worker.ask, gold, answer)


def killed() -> int:
    """How many comparisons were killed in this process so far."""
    return _worker.killed


def main() -> None:
    from math_verify import parse, verify

    def dressed(text: str) -> str:
        return text if "$" in text or "\\boxed" in text else f"${text}$"

    print("ready", flush=True)  # noqa: T201 — the protocol
    for line in sys.stdin:
        gold, answer = json.loads(line)
        same = verify(parse(dressed(gold)), parse(dressed(answer)))
        print("true" if same else "false", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
