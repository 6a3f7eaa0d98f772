"""Every example runs as it stands."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from docs.tutor import rows, tutor
from endpoint import Endpoint

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, *arguments: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], capture_output=True, text=True, check=False, cwd=home,
        env={**os.environ, "JIELONG_HOME": str(home / "home"), "OPENAI_API_KEY": "key"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_technique_makes_another_model(tmp_path: Path):
    said = run("technique.py", home=tmp_path)
    assert "mini | cot (calls at most: 1): 3*4=12. 12+5=17. Answer: 17" in said
    assert "mini | cot | self_consistency(n=8) (calls at most: 8)" in said
    assert "mini | in_one_line (calls at most: 1)" in said


def test_a_training_makes_another_model(tmp_path: Path):
    if not (find_spec("torch") and find_spec("transformers")):
        pytest.skip("needs the extra train")
    said = run("training.py", str(tmp_path / "tiny"), home=tmp_path)
    assert "step 40: loss" in said
    assert f"local:{tmp_path}/tiny/weights: " in said


def test_the_likelihood_of_an_answer_is_shown_token_by_token(tmp_path: Path):
    said = run("next_tokens.py", home=tmp_path).splitlines()
    assert len(said) == 9
    alone, stepwise = (float(line.split()[0]) for line in (said[2], said[7]))
    assert stepwise > 100 * alone  # the same steps, without and with the wish to think


def test_a_measurement_makes_a_report(tmp_path: Path):
    said = run("measurement.py", home=tmp_path)
    assert "mini | program_of_thought" in said
    assert "over the baseline, p = " in said


def test_improve_on_a_csv_with_an_endpoint(tmp_path: Path):
    (tmp_path / "questions.csv").write_text(rows("question,answer"), "utf-8")
    with Endpoint(tutor) as endpoint:
        said = run("improve_csv.py", "questions.csv", f"openai:m@{endpoint.url}", "2000000", home=tmp_path)
    assert said.startswith("improved: openai:m@")
    assert (tmp_path / "questions.html").exists()


def test_the_examples_are_short():
    names = ("technique.py", "training.py", "next_tokens.py", "measurement.py", "improve_csv.py")
    assert [n for n in names if len((EXAMPLES / n).read_text("utf-8").splitlines()) > 30] == []
