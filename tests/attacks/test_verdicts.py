"""No program that is judged writes its own verdict. Each forgery is first shown to work where it can be reached."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from jielong.sandbox import ProgramResult, SandboxLimits, bubblewrap, run_tests

sys.path.insert(0, str(Path(__file__).parent))
from forgeries import FORGERIES, Forgery

LIMITS = SandboxLimits(seconds=5.0)
works = pytest.mark.skipif(bubblewrap.why_unavailable() is not None, reason=str(bubblewrap.why_unavailable()))


def judged(forgery: Forgery) -> ProgramResult:
    def check() -> object:
        return run_tests(
            forgery.program,
            forgery.tests,
            prelude=forgery.prelude,
            entry_point="find_zero" if forgery.prelude else "",
            limits=LIMITS,
        )

    result: ProgramResult = anyio.run(check)
    return result


def stand_in(forgery: Forgery, folder: Path) -> bool:
    """Program and tests in one process, and its exit status or its last word is the verdict."""
    tests = "exec(open('tests.py').read())" if forgery.in_file else forgery.tests
    (folder / "tests.py").write_text(forgery.tests)
    (folder / "program.py").write_text(f"{forgery.prelude}\n{forgery.program}\n{tests}\nprint('passed')\n")
    done = subprocess.run(
        [sys.executable, "-S", "program.py"], cwd=folder, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]}, check=False,
    )  # fmt: skip
    return "passed" in done.stdout + done.stderr if forgery.printed else done.returncode == 0


@works
@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forged_verdict_does_not_count(forgery: Forgery, tmp_path: Path) -> None:
    assert stand_in(forgery, tmp_path), "it does not work without a wall either"
    assert judged(forgery).status != "ok"


def test_no_forgery_is_there_twice() -> None:
    assert len({(forgery.program, forgery.tests) for forgery in FORGERIES}) == len(FORGERIES) >= 45
