"""`jielong doctor`: what works here, what is missing, and the command that installs it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.util import find_spec

import click

from .. import __version__, sandbox
from ..models.openai.endpoint_presets import ENDPOINT_PRESETS
from ..reporting.formatting import print_table
from ..runtime.ledger import home_folder
from . import options
from .messages import localized

EXTRAS = {
    "fast": ("onnxruntime",),
    "local": ("torch", "transformers"),
    "data": ("pyarrow", "datasets"),
    "tools": ("mcp", "trafilatura"),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
}


@click.command(help=localized("help.doctor"))
@options.as_json
def doctor(as_json: bool) -> None:
    checks = [("jielong", True, __version__), ("python", True, platform.python_version())]
    checks.append(("home", True, str(home_folder().resolve())))
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _is_installed(module)]
        advice = f"{', '.join(missing)}: pip install 'jielong[{extra}]'" if missing else ", ".join(modules)
        checks.append((f"extra {extra}", not missing, advice))
    for name, problem in sandbox.available().items():
        checks.append((f"sandbox {name}", problem is None, problem or ""))
    checks.append(("GPU", *_gpu()))
    for key in filter(None, (preset.key_variable for preset in ENDPOINT_PRESETS.values())):
        checks.append((key, bool(os.environ.get(key)), "" if os.environ.get(key) else f"export {key}=…"))
    if as_json:
        print(json.dumps([{"what": what, "ok": ok, "how": how} for what, ok, how in checks], ensure_ascii=False))
    else:
        rows = [[what, localized("doctor.yes") if ok else localized("doctor.no"), how] for what, ok, how in checks]
        print_table("", ["", "", ""], rows)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing, too
        return False


def _gpu() -> tuple[bool, str]:
    """What the driver says: loading torch to ask it would take seconds."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return True, "Apple GPU (mps)"
    tool = shutil.which("nvidia-smi")
    if not tool:
        return False, localized("doctor.no_gpu")
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0, " ".join((done.stdout or done.stderr).split())
