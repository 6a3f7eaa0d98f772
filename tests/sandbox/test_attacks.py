"""Every attack works on a canary outside the sandbox, in a bounded form; inside, none does."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from jielong.sandbox import SandboxLimits, bubblewrap, evaluate_expression, run_program

sys.path.insert(0, str(Path(__file__).parent))
from attacks import AS_ROOT, ATTACKS

TABLE = ATTACKS + (AS_ROOT if hasattr(os, "geteuid") and os.geteuid() == 0 else [])
LIMITS = SandboxLimits(seconds=1.0, memory_mb=256, file_mb=16, output_bytes=200_000)
works = pytest.mark.skipif(bubblewrap.why_unavailable() is not None, reason=str(bubblewrap.why_unavailable()))


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    folder = tmp_path_factory.mktemp("host")
    (folder / "secret.txt").write_text("canary")
    tmp_secret = Path("/tmp") / f"jielong-canary-{os.getpid()}"
    tmp_secret.write_text("canary")
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.listen(64)
        yield {
            "secret": folder / "secret.txt", "folder": folder, "port": listener.getsockname()[1], "victim": victim.pid,
            "tmp_secret": tmp_secret, "host": socket.gethostname(), "marker": folder / "marker",
        }  # fmt: skip
    victim.kill()
    victim.wait()
    tmp_secret.unlink()


def written(code: str, name: str, canary: dict[str, object]) -> str:
    return code.format(**canary, name=f"jielong-{os.getpid()}-{name}")


def clean(canary: dict[str, object]) -> None:
    for left in [*Path("/tmp").glob(f"jielong-{os.getpid()}-*"), *Path("/dev/shm").glob(f"jielong-{os.getpid()}-*")]:
        left.unlink()
    for name in ("new", "d", "hard", "lib.py", "marker", "marker2"):
        left = Path(str(canary["folder"])) / name
        if left.is_dir():
            left.rmdir()
        elif left.exists():
            left.unlink()


def test_the_table_is_wide() -> None:
    assert len(ATTACKS) >= 60
    assert len({kind for kind, _, _ in ATTACKS}) >= 12


@works
@pytest.mark.parametrize(("kind", "name", "code"), TABLE, ids=[f"{kind}-{name}" for kind, name, _ in TABLE])
def test_attack(kind: str, name: str, code: str, canary: dict[str, object]) -> None:
    attack = written(code, name, canary)
    environment = {**os.environ, "CANARY_KEY": "canary"}
    command = [sys.executable, "-I", "-S", "-c", attack]
    with open(str(canary["secret"]), "rb") as inherited:
        outside = subprocess.run(
            command, capture_output=True, text=True, timeout=30, env=environment, cwd=str(canary["folder"]),
            stdin=subprocess.DEVNULL, pass_fds=(inherited.fileno(),), check=False,
        )  # fmt: skip
        assert "PWNED" in outside.stdout, f"the attack does not work unsandboxed: {outside.stderr[-300:]}"
        clean(canary)
        os.environ["CANARY_KEY"] = "canary"
        try:
            inside = anyio.run(lambda: run_program(attack, limits=LIMITS, sandbox="bubblewrap"))
        finally:
            del os.environ["CANARY_KEY"]
    assert "PWNED" not in inside.stdout
    assert not Path(str(canary["marker"])).exists()
    assert Path(str(canary["secret"])).read_text() == "canary" or kind == "writes"
    Path(str(canary["secret"])).write_text("canary")


MONTY_ATTACKS = [
    "open('/etc/passwd').read()",
    "__import__('os').system('true')",
    "import os\nos.listdir('/')",
    "import subprocess\nsubprocess.run(['true'])",
    "import socket\nsocket.socket()",
    "().__class__.__base__.__subclasses__()",
    "(lambda: 0).__globals__['__builtins__']",
    "[].__class__.__mro__[1].__subclasses__()",
    "import ctypes\nctypes.CDLL(None)",
    "from pathlib import Path\nPath('/etc/passwd').read_text()",
    "exec('import os')\nos.getpid()",
    "import sys\nsys.modules['os'].getpid()",
]


@pytest.mark.parametrize("code", MONTY_ATTACKS)
def test_the_embedded_sandbox_gives_nothing_away(code: str) -> None:
    assert anyio.run(evaluate_expression, code).status == "error"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("while True:\n    pass", "timeout"),
        ("9**9**9", "memory"),
        ("x = []\nwhile True:\n    x.append('a' * 1000000)", "memory"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "error"),
        ("while True:\n    print('x' * 1000)", "memory"),
    ],
)
def test_the_embedded_sandbox_ends_what_would_not_end(code: str, status: str) -> None:
    limits = SandboxLimits(seconds=1.0, memory_mb=64, output_bytes=100_000)
    outcome = anyio.run(lambda: evaluate_expression(code, limits=limits))
    assert outcome.status == status or (status == "memory" and outcome.status in ("memory", "timeout"))
