"""The wheel, installed away from the checkout, answers; the README's Python runs."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(ROOT)]
    subprocess.run(pip, check=True)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_what_it_needs_and_nothing_large(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("models/mini/weights/model.safetensors", "prompts/zh.toml", "cli/messages/en.toml", "py.typed"):
        assert f"jielong/{needed}" in names
    assert wheel.stat().st_size < 13_000_000


def test_the_installed_wheel_answers(wheel: Path, tmp_path: Path):
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(tmp_path / "site"),
        str(wheel),
    ]
    subprocess.run(pip, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "jielong", "ask", "Tom has 3 bags with 4 apples each. How many apples are there now?"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    assert done.stdout == "12\n", done.stderr
    where = [sys.executable, "-c", "import jielong; print(jielong.__file__)"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    said = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, env=env, check=True).stdout
    assert said.startswith(str(tmp_path))


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_python_of_the_readme_runs(readme: str, tmp_path: Path):
    found = re.search(r"```python\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.S)
    assert found
    done = subprocess.run([sys.executable, "-c", found[1]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search("(Answer: |答案：)12", done.stdout)
