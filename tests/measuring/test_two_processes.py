"""The same command twice at once: one waits for the other, and no call is paid twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

from endpoint import Answer, Endpoint


def test_the_second_process_waits_and_says_so(tmp_path: Path):
    task = tmp_path / "task.jsonl"
    task.write_text("".join(json.dumps({"input": f"{i} + 1?", "answer": str(i + 1)}) + "\n" for i in range(12)))
    environment = {**os.environ, "JIELONG_HOME": str(tmp_path / "home"), "OPENAI_API_KEY": "key", "JIELONG_LANG": "en"}
    with Endpoint(lambda body, n: Answer("1", seconds=0.5)) as endpoint:
        command = [sys.executable, "-m", "jielong", "eval", str(task), "-m", f"openai:stub@{endpoint.url}", "--json"]
        processes = [
            subprocess.Popen(
                [*command, "--concurrency", "2"], env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in range(2)
        ]  # fmt: skip
        outputs = [process.communicate(timeout=120) for process in processes]
        assert endpoint.stats.requests == 12
    assert [process.returncode for process in processes] == [0, 0]
    documents = [json.loads(out)["results"][0] for out, _ in outputs]
    assert sorted(document["usage"]["cached_calls"] for document in documents) == [0, 12]
    assert documents[0]["mean"] == documents[1]["mean"]
    assert sum("another process is doing the same work" in err for _, err in outputs) == 1
