"""Start-up times: `jielong --help` and `import jielong`, beside `llm --help` where DIR holds an environment with it."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from common import write

RUNS = 15


def median(command: list[str]) -> float:
    taken = []
    for _ in range(RUNS + 2):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken[2:]), 4)


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
