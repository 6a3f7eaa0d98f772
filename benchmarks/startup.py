"""Start-up times: `jielong --help`, `import jielong`, `ask`, and `eval` of ten items at a stub that takes 1 ms.

Each is a whole process; beside them `llm --help` where DIR holds an environment with it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import ROOT, write

sys.path.insert(0, str(ROOT / "tests"))

from endpoint import Answer, Endpoint

RUNS = 15


def median(command: list[str]) -> float:
    taken = []
    for _ in range(RUNS + 2):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken[2:]), 4)


def eval_of_ten() -> float:
    """Ten items, one model, an endpoint on this machine; each run has a ledger of its own."""
    with Endpoint(lambda body, n: Answer("The answer is 4"), latency=0.001, keep=False) as endpoint:
        with tempfile.TemporaryDirectory() as folder:
            rows = [json.dumps({"input": f"What is 2 + {i}?", "answer": str(2 + i)}) for i in range(10)]
            (Path(folder) / "task.jsonl").write_text("\n".join(rows))
            home = f"export JIELONG_HOME=$(mktemp -d -p {folder});"
            command = f"{sys.executable} -m jielong eval {folder}/task.jsonl -m openai:stub@{endpoint.url} --json"
            return median(["sh", "-c", f"{home} {command} 2>/dev/null"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where the peer's environment is kept")
    given = parser.parse_args()
    bare = median([sys.executable, "-c", "pass"])
    said = {
        "python_alone": bare,
        "import_jielong": median([sys.executable, "-c", "import jielong"]),
        "jielong_help": median([str(Path(sys.executable).parent / "jielong"), "--help"]),
        "jielong_ask_mini": median(
            [str(Path(sys.executable).parent / "jielong"), "ask", "Tom has 3 bags with 4 pens each."]
        ),
        "jielong_eval_10_items": eval_of_ten(),
    }
    if given.peers:
        python = given.peers / "llm" / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(given.peers / "llm")], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", "llm"], check=True)
        said["llm_help"] = median([str(python.parent / "llm"), "--help"])
    write("startup", said)


if __name__ == "__main__":
    main()
