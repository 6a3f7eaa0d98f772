"""The command that adds an extra to this installation, whichever way it was made.

The name jielong is not on PyPI, so it cannot be installed by its name alone. What an installer writes down (PEP 610,
direct_url.json) says where this copy came from; where that is gone, the libraries of the extra are named instead.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def install_command(extra: str) -> str:
    """A line for the shell that installs the libraries of `extra` for this Python."""
    return " ".join([_installer(), *map(_quoted, _arguments(extra))])


def _installer() -> str:
    if find_spec("pip") is None:  # as in environments made by uv
        return f"uv pip install --python {_quoted(sys.executable)}"
    pip = shutil.which("pip")
    if pip and Path(pip).parent == Path(sys.executable).parent:
        return "pip install"
    return f"{_quoted(sys.executable)} -m pip install"


def _arguments(extra: str) -> list[str]:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        installed = distribution("jielong")
    except PackageNotFoundError:  # run from a checkout by PYTHONPATH
        return ["-e", f"{Path(__file__).parents[2]}[{extra}]"]
    source: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(source.get("url", ""))
    parts = urlsplit(url)
    path = Path(url2pathname(parts.path)) if parts.scheme == "file" else None
    if not url or (path and not path.exists()):
        return _libraries(installed, extra)
    if path and source.get("dir_info", {}).get("editable"):
        return ["-e", f"{path}[{extra}]"]
    if vcs := source.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if subdirectory := source.get("subdirectory"):
        url += f"#subdirectory={subdirectory}"
    return [f"jielong[{extra}] @ {url}"]


def _libraries(installed: Distribution, extra: str) -> list[str]:
    marker = re.compile(rf"""extra\s*==\s*["']{extra}["']""")
    requirements = (text.partition(";") for text in installed.requires or ())
    return [name.strip() for name, _, condition in requirements if marker.search(condition)]


def _quoted(text: str) -> str:
    return f'"{text}"' if sys.platform == "win32" else shlex.quote(text)
