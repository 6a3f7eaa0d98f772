"""How long the sandboxes take to start, and to be dead after their limit; medians and 95th percentiles."""

from __future__ import annotations

import statistics
import time

import anyio
from common import write

from jielong.sandbox import SandboxLimits, evaluate_expression, run_program

RUNS, LIMIT = 40, 0.5


async def main() -> None:
    starts, ends, monty = [], [], []
    for _ in range(RUNS):
        started = time.perf_counter()
        assert (await run_program("print(1)", sandbox="bubblewrap")).stdout == "1\n"
        starts.append(time.perf_counter() - started)
        started = time.perf_counter()
        assert (await evaluate_expression("6 * 7")).value == "42"
        monty.append(time.perf_counter() - started)
    for code in (
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time; signal.alarm(0); time.sleep(60)",
    ):
        for _ in range(8):
            started = time.perf_counter()
            outcome = await run_program(code, limits=SandboxLimits(seconds=LIMIT), sandbox="bubblewrap")
            assert outcome.status == "timeout"
            ends.append(time.perf_counter() - started - LIMIT)

    def milliseconds(seconds: list[float]) -> dict[str, float]:
        p95 = statistics.quantiles(seconds, n=20)[18]
        return {"median": round(1000 * statistics.median(seconds), 2), "p95": round(1000 * p95, 2)}

    figures = {
        "bubblewrap_start_to_end_ms": milliseconds(starts),
        "bubblewrap_dead_after_limit_ms": milliseconds(ends),
        "monty_expression_ms": milliseconds(monty[1:]),
    }
    write("sandbox", figures)


if __name__ == "__main__":
    anyio.run(main)
