"""The page on adding a technique, done as it says, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
TABLE = '    "techniques": _names(\n        {\n'


def followed(page: Path, copy: Path) -> list[str]:
    """Does what each block of the page says, in the folder `copy`; what the commands and scripts printed."""
    environment = {
        **os.environ, "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(copy / "src"), "JIELONG_HOME": str(copy / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    printed = []

    def run(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=copy, env=environment)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        printed.append(done.stdout)

    for kind, text in BLOCK.findall(page.read_text("utf-8")):
        first, _, rest = text.partition("\n")
        if kind == "sh":
            for line in text.splitlines():
                run("bash", "-c", line)
        elif found := re.fullmatch(r"# add to BUILT_IN in (\S+)", first):
            file = copy / found[1]
            file.write_text(file.read_text("utf-8").replace(TABLE, TABLE + rest), "utf-8")
        elif found := re.fullmatch(r"# add to (\S+)", first):
            with (copy / found[1]).open("a", encoding="utf-8") as file:
                file.write("\n" + rest)
        else:
            file = copy / first.removeprefix("# ")
            file.write_text(rest, "utf-8")
            if len(file.relative_to(copy).parts) == 1:
                run(sys.executable, str(file))
    return printed


@pytest.mark.parametrize("page", ["add_a_technique.md", "add_a_technique.zh.md"])
def test_the_page_leads_from_nothing_to_the_laws_passing(page: str, tmp_path: Path):
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    printed = followed(ROOT / "docs" / page, tmp_path)
    assert printed[0].startswith("mini | reread\n")
    assert "step_back(principle=none, use=none)" in printed[1]
    laws = next(said for said in printed if "passed" in said)
    passed = re.search(r"(\d+) passed", laws)
    assert passed
    assert int(passed[1]) >= 10, laws
