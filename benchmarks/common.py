"""What every benchmark needs: the stub endpoint in a process of its own, and JSON with the commit."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@contextmanager
def stub(*options: str, quiet: bool = False) -> Iterator[str]:
    """The URL of a stub endpoint; `quiet`: what it says of clients that leave is not shown."""
    command = [sys.executable, "-m", "endpoint", *options]
    errors = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, cwd=ROOT / "tests", stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.wait()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats") as said:
        return dict(json.load(said))


def write(name: str, figures: dict[str, Any], *, quiet: bool = False) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said = {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n")
    if not quiet:
        print(json.dumps(said, indent=1))
