"""Type checkers run on a folder of a user's files: mypy --strict and pyright, as the user would call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from docs.snippets import ROOT


def mypy_problems(folder: Path) -> str:
    """What `mypy --strict` says of these files, "" if nothing. What `make check` has read is not read again."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(ROOT / ".mypy_cache"), "--no-error-summary", "."]
    return _output(command, folder, MYPYPATH=str(ROOT / "src"))


def pyright_problems(folder: Path) -> str:
    """What pyright says of the files in this folder, in its default mode; "" if nothing."""
    (folder / "pyrightconfig.json").write_text(json.dumps({"extraPaths": [str(ROOT / "src")]}), "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--project", str(folder)]
    output = _output(command, folder, PYRIGHT_PYTHON_IGNORE_WARNINGS="1")
    return "" if "0 errors, 0 warnings" in output else output


def _output(command: list[str], folder: Path, **variables: str) -> str:
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **variables}
    )
    return (process.stdout + (process.stderr if process.returncode > 1 else "")).strip()
