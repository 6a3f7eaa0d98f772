"""`jielong doctor`: what works here, what is missing, and the command that installs it."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from importlib.util import find_spec

import click

from .. import __version__, sandbox
from ..errors import BadInput
from ..installation import install_command
from ..models.openai.endpoint_presets import ENDPOINT_PRESETS
from ..reporting.formatting import print_table
from ..reporting.terminal import print_json
from ..runtime.home import home_path, unwritable_home
from ..sandbox.program_path import find_program
from . import options
from .messages import in_language, localized

EXTRAS = {
    "fast": ("onnxruntime",),
    "local": ("torch", "transformers"),
    "data": ("pyarrow", "datasets"),
    "tools": ("mcp", "trafilatura"),
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
}


@click.command(help=localized("help.doctor"))
@click.option("--confirm", is_flag=True, help=localized("option.confirm"))
@options.as_json
def doctor(confirm: bool, as_json: bool) -> None:
    if confirm:
        _confirm_tools()
        return
    checks = [("jielong", True, __version__), ("python", True, platform.python_version())]
    checks.append(("home", *_home()))
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _is_installed(module)]
        advice = f"{', '.join(missing)}: {install_command(extra)}" if missing else ", ".join(modules)
        checks.append((f"extra {extra}", not missing, advice))
    for name, problem in sandbox.available().items():
        checks.append((f"sandbox {name}", problem is None, in_language(problem or "")))
    checks.append(("GPU", *_gpu()))
    for key in filter(None, (preset.key_variable for preset in ENDPOINT_PRESETS.values())):
        checks.append((key, bool(os.environ.get(key)), "" if os.environ.get(key) else f"export {key}=…"))
    if as_json:
        print_json([{"what": what, "ok": ok, "how": how} for what, ok, how in checks])
    else:
        rows = [[what, localized("doctor.yes") if ok else localized("doctor.no"), how] for what, ok, how in checks]
        print_table("", ["", "", ""], rows, left=(0, 1, 2))


def _confirm_tools() -> None:
    """Shows the settings of tools that lie in this folder, and asks whether they may be followed."""
    from ..techniques.tools.tools_config import confirm, file_of_this_folder, read_settings

    file = file_of_this_folder()
    if file is None:
        raise BadInput("there is no .jielong/tools.toml in this folder that could be confirmed")
    if not sys.stdin.isatty():
        raise BadInput(f"{file} can be confirmed at a terminal only, by somebody who has read it")
    text = read_settings(file)
    print(text)
    if click.confirm(localized("doctor.confirm", file=file)):
        confirm(file, text)


def _home() -> tuple[bool, str]:
    """Where the ledger goes, or would go: to look is not to make it."""
    try:
        folder = nearest = home_path().absolute()
    except BadInput as error:
        return False, in_language(str(error))
    while not os.path.exists(nearest):  # also where it may not be looked for
        nearest = nearest.parent
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return True, str(folder)
    why = os.strerror(errno.EACCES if nearest.is_dir() else errno.ENOTDIR)
    return False, in_language(str(unwritable_home(folder, why)))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing, too
        return False


def _gpu() -> tuple[bool, str]:
    """What the driver says: loading torch to ask it would take seconds."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return True, "Apple GPU (mps)"
    tool = find_program("nvidia-smi")
    if not tool:
        return False, localized("doctor.no_gpu")
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:  # a driver that hangs, a tool of another machine
        return False, str(error)
    return done.returncode == 0, " ".join((done.stdout or done.stderr).split())
