"""A ledger of 100,000 calls: how long a hit takes, how much memory reading it costs, how large the file is."""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from pathlib import Path

from common import write

from jielong.contract import Message, Reply, Request, Sampling, Usage
from jielong.runtime.ledger import Ledger, call_key
from jielong.runtime.ledger_json import decode_reply, encode_reply

CALLS = 100_000


def request(i: int) -> Request:
    return Request((Message("user", f"question {i}: " + "word " * 60),), Sampling(seed=1))


def main() -> None:
    reply = Reply(Message("assistant", "an answer of some length " * 8), usage=Usage(calls=1, input_tokens=62))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ledger.db"
        with Ledger(file) as ledger:
            started = time.monotonic()
            for i in range(CALLS):
                key, written = call_key("stub", "generate", request(i), {}, ("item", i))
                ledger.put(key, "run", "stub", written, usage=reply.usage, reply=encode_reply(reply))
            writing = (time.monotonic() - started) / CALLS
        with Ledger(file) as ledger:
            hits = []
            for i in range(0, CALLS, 20):
                started = time.perf_counter()
                key, _ = call_key("stub", "generate", request(i), {}, ("item", i))
                assert ledger.find(key, decode_reply) is not None
                hits.append(time.perf_counter() - started)
        write(
            "ledger",
            {
                "calls": CALLS,
                "hit_ms_median": round(1000 * statistics.median(hits), 4),
                "hit_ms_p99": round(1000 * statistics.quantiles(hits, n=100)[98], 4),
                "write_ms": round(1000 * writing, 4),
                "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "file_mb": round(file.stat().st_size / 1e6, 1),
            },
        )


if __name__ == "__main__":
    main()
