"""What runs, runs; what is over its limits is killed; what cannot be run safely is not run."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from jielong.errors import SandboxMissing
from jielong.sandbox import SandboxLimits, bubblewrap, evaluate_expression, landlock, run_program, run_tests

sys.path.insert(0, str(Path(__file__).parent))
from attacks import AS_ROOT, ATTACKS

works = pytest.mark.skipif(bubblewrap.why_unavailable() is not None, reason=str(bubblewrap.why_unavailable()))


@works
def test_a_program_runs_with_its_input_and_says_where():
    outcome = anyio.run(lambda: run_program("print(int(input()) * 2)", stdin="21"))
    assert (outcome.status, outcome.stdout, outcome.sandbox) == ("ok", "42\n", "bubblewrap")


@works
def test_a_start_imports_hardly_anything():
    code = "import sys; print(sorted({'typing', 'collections', 're', 'os', 'runpy', 'ctypes'} & sys.modules.keys()))"
    assert anyio.run(run_program, code).stdout == "[]\n"
    assert (
        anyio.run(
            run_tests,
            f"{code.replace('os', 'none')}\nfound = sys.modules.keys() & {{'typing', 're'}}",
            "assert found == set()",
        ).status
        == "ok"
    )


@works
def test_the_standard_library_is_there():
    code = "import json, re, math, random, datetime, decimal, collections, itertools, typing, heapq; print('ok')"
    assert anyio.run(run_program, code).stdout == "ok\n"


@works
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise ValueError('x')", "error"),
        ("while True: pass", "timeout"),
        ("x = bytearray(10**9)", "memory"),
        ("while True: print('x' * 1000)", "output"),
    ],
)
def test_the_status_says_how_it_ended(code: str, status: str):
    limits = SandboxLimits(seconds=1.0, memory_mb=256, output_bytes=100_000)
    assert anyio.run(lambda: run_program(code, limits=limits)).status == status


@works
def test_cancelling_leaves_no_process():
    limits = SandboxLimits(memory_mb=273)  # a number by which its processes are known among others of this machine

    async def cancelled() -> None:
        with anyio.move_on_after(0.3):
            await run_program("import time\nwhile True: time.sleep(0.01)", limits=limits, sandbox="bubblewrap")

    anyio.run(cancelled)
    listing = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in listing.splitlines() if "273000000" in line and not line.startswith("Z")]


def test_an_expression_has_a_value():
    outcome = anyio.run(evaluate_expression, "(3*4)+5")
    assert (outcome.status, outcome.value, outcome.sandbox) == ("ok", "17", "monty")


def test_without_bubblewrap_a_program_beyond_monty_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bubblewrap, "why_unavailable", lambda: "bubblewrap is not installed: apt install bubblewrap")
    monkeypatch.setattr(landlock, "why_unavailable", lambda: "Landlock does not work here")
    assert anyio.run(run_program, "print(6 * 7)").stdout == "42\n"
    with pytest.raises(SandboxMissing, match="apt install bubblewrap"):
        anyio.run(run_program, "import sqlite3\nprint(sqlite3.connect(':memory:'))")
    with pytest.raises(SandboxMissing, match="not run"):
        anyio.run(lambda: run_program("print(1)", sandbox="bubblewrap"))


@pytest.mark.skipif(landlock.why_unavailable() is not None, reason=str(landlock.why_unavailable()))
def test_where_bubblewrap_is_missing_landlock_runs_programs_and_tests(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bubblewrap, "why_unavailable", lambda: "bubblewrap is not installed: apt install bubblewrap")
    code = "import os, sqlite3, tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')\nprint(os.listdir('.'))"
    outcome = anyio.run(run_program, code)
    assert (outcome.status, outcome.stdout, outcome.sandbox) == ("ok", "[]\n", "landlock"), outcome.stderr
    outcome = anyio.run(run_tests, "def double(x): return x * 2", "assert double(3) == 6")
    assert (outcome.status, outcome.sandbox) == ("ok", "landlock")
    assert anyio.run(run_tests, "import os\nos._exit(0)", "assert double(3) == 6").status == "error"


AS_NOBODY = """
import json, pathlib, anyio
from jielong.sandbox import SandboxLimits, run_program, bubblewrap
print(bubblewrap.why_unavailable())
limits = SandboxLimits(seconds=1.0, memory_mb=256, file_mb=16, output_bytes=200_000)
async def main():
    outcome = await run_program("print(1 + 1)", sandbox="bubblewrap")
    print(outcome.status, outcome.stdout)
    escapes = []
    for name, code in json.loads((pathlib.Path(__file__).parent / "attacks.json").read_text()):
        if "PWNED" in (await run_program(code, limits=limits, sandbox="bubblewrap")).stdout:
            escapes.append(name)
    print("escapes", escapes)
anyio.run(main)
"""


@works
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="is an ordinary user already")
def test_an_ordinary_user_is_walled_in_too(tmp_path: Path):
    python = shutil.which("python3.11", path="/usr/bin") or shutil.which("python3", path="/usr/bin")
    if not python or sys.version_info[:2] != _version(python):
        pytest.skip("needs a system Python of this version that an ordinary user can read")
    shutil.copytree(
        Path(bubblewrap.__file__).parents[1], tmp_path / "jielong", ignore=shutil.ignore_patterns("weights")
    )
    tmp_path.chmod(0o755)
    for above in tmp_path.parents:
        if above != Path("/") and above.stat().st_mode & 0o5 != 0o5:
            above.chmod(above.stat().st_mode | 0o5)
    (tmp_path / "secret").write_text("canary")
    canary = {"secret": tmp_path / "secret", "folder": tmp_path, "port": 9, "victim": os.getpid(), "host": "x"}
    canary |= {"tmp_secret": tmp_path / "secret", "marker": tmp_path / "marker", "name": "x"}
    attacks = [[f"{kind}-{name}", code.format(**canary)] for kind, name, code in ATTACKS + AS_ROOT]
    (tmp_path / "attacks.json").write_text(json.dumps(attacks))
    (tmp_path / "try.py").write_text(AS_NOBODY)
    site = next(p for p in sys.path if p.endswith("site-packages"))
    done = subprocess.run(
        [python, str(tmp_path / "try.py")], user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
        env={"PYTHONPATH": f"{tmp_path}:{site}", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, check=False,
        cwd="/",
    )  # fmt: skip
    if "ModuleNotFoundError" in done.stderr or "Permission" in done.stderr:
        pytest.skip("the installed packages cannot be read by an ordinary user here")
    if done.stdout.startswith("bubblewrap"):
        pytest.skip(done.stdout.splitlines()[0])
    assert done.stdout.split() == ["None", "ok", "2", "escapes", "[]"], done.stderr


def _version(python: str) -> tuple[int, ...]:
    said = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True
    )
    return tuple(map(int, said.stdout.split()))
