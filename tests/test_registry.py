"""One's own techniques, models and verbs: from a plugin file, and from a package that pip installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jielong import adds_input, load, registry
from jielong.contract import Model, Request
from jielong.errors import BadInput, UnknownName
from jielong.recipe import find_technique
from jielong.serving.allowed_models import AllowedModels
from laws import refusals
from laws.laws import LAWS

SHOUT = '''
import click

from jielong import adds_input, adds_output, gather
from jielong.contract import Model, Reply, Request
from jielong.models.scripted import Scripted
from jielong.registry import register
from jielong.technique import no_answer, with_sampling_temperature
from jielong.techniques.prompting import with_question


@adds_input
def shout(request: Request, *, times: int = 1) -> Request:
    """Asks with an exclamation mark."""
    return with_question(request, "!" * times)


@adds_output(calls=lambda model, n=2: n * model)
async def first_of(model: Model, request: Request, *, n: int = 2) -> Reply:
    """The first of several answers."""
    samples = await gather(model, [with_sampling_temperature(request, n)] * n)
    for sample in samples:
        if isinstance(sample, Reply):
            return sample
    raise no_answer(samples)


def echo(kind: str, rest: str) -> Model:
    return Scripted(lambda request: f"{rest}: {request.messages[-1].text}", name=f"{kind}:{rest}")


@click.command()
def greet() -> None:
    """Say hello."""
    print("hello")
'''
REGISTERED = '\nregister("models", "echo", echo, __name__)\nregister("verbs", "greet", greet, __name__)\n'
ENTRY_POINTS = """
[project]
name = "shouting"
version = "1.2"
[project.entry-points."jielong.techniques"]
shout = "shouting:shout"
first_of = "shouting:first_of"
[project.entry-points."jielong.models"]
echo = "shouting:echo"
[project.entry-points."jielong.verbs"]
greet = "shouting:greet"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
py-modules = ["shouting"]
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(SHOUT + REGISTERED)
    return file


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip installed the package `shouting`."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "shouting.py").write_text(SHOUT)
    (source / "pyproject.toml").write_text(ENTRY_POINTS)
    command = "install -q --no-deps --no-build-isolation --disable-pip-version-check --target".split()
    subprocess.run([sys.executable, "-m", "pip", *command, str(target), str(source)], check=True)
    return target


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


@pytest.fixture(params=["plugin", "package"])
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The techniques are known in this process, by either way; where they come from."""
    if request.param == "plugin":
        file: Path = request.getfixturevalue("plugin")
        registry.load_plugin(file)
        yield str(file)
    else:
        monkeypatch.syspath_prepend(str(request.getfixturevalue("packages")))
        yield "package shouting 1.2"
    sys.modules.pop("shouting", None)


def run(*arguments: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(filter(None, [path and str(path), os.environ.get("PYTHONPATH")]))  # type: ignore[list-item]
    return subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": paths, "JIELONG_LANG": "en", **environment},
    )  # fmt: skip


# --- by name, in Python -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["echo:x | shout(times=2)", "mini | first_of(n=3) | shout", "echo:y | cot | shout"])
def test_a_recipe_with_ones_own_technique_goes_round(installed: str, recipe: str):
    assert load(load(recipe).name).name == recipe


def test_ones_own_technique_and_model_answer(installed: str):
    model = load("echo:x") | find_technique("shout")(times=3)
    assert load(model.name).ask("hi") == model.ask("hi") == "x: hi\n!!!"


def test_a_decorated_function_is_known_by_its_name_at_once():
    @adds_input
    def mine(request: Request, *, x: int = 0) -> Request:
        """Changes nothing."""
        return request

    assert load((load("mini") | mine(x=1)).name).name == "mini | mine(x=1)"


@pytest.mark.anyio
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("step", ["shout", "shout(times=2)", "first_of"])
async def test_ones_own_technique_keeps_the_laws(installed: str, step: str, law: Any, monkeypatch: pytest.MonkeyPatch):
    copies = ("first_of", refusals.always, frozenset({"temperature 0"}))
    monkeypatch.setattr(refusals, "REFUSALS", (*refusals.REFUSALS, copies))
    name, _, options = step.partition("(")
    technique: Any = find_technique(name)

    def make(model: Model) -> Model:
        return (technique(times=2) if options else technique).wrap(model)  # type: ignore[no-any-return]

    await law(make)


# --- names claimed twice ----------------------------------------------------------------------------------------------


def test_no_one_overrides_what_is_built_in():
    with pytest.raises(
        BadInput, match=r"two techniques are called 'cot': jielong itself \(.*prompting:cot\) and .*:test_no"
    ):

        @adds_input
        def cot(request: Request) -> Request:
            """Not the one."""
            return request


def test_two_files_with_one_name_are_told_apart(plugin: Path, tmp_path: Path):
    other = tmp_path / "other.py"
    other.write_text(plugin.read_text())
    registry.load_plugin(plugin)
    with pytest.raises(BadInput, match=rf"two techniques are called 'shout': {plugin}:shout and {other}:shout"):
        registry.load_plugin(other)


def test_a_file_that_runs_again_replaces_its_own(plugin: Path):
    for _ in range(2):
        registry.load_plugin(plugin)
    assert load("mini | shout").name == "mini | shout"


def test_a_plugin_and_a_package_with_one_name_are_told_apart(
    plugin: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(packages))
    registry.load_plugin(plugin)
    with pytest.raises(BadInput, match=rf"{plugin}:shout and package shouting 1.2 \(shouting:shout\)"):
        load("mini | shout")


def test_an_unknown_name_gets_the_nearest_one_of_ones_own(installed: str):
    with pytest.raises(UnknownName, match="unknown technique 'shuot'; did you mean 'shout'"):
        load("mini | shuot")


# --- on the command line ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["before", "after", "joined"])
def test_a_plugin_may_stand_before_the_verb_or_after_it(plugin: Path, tmp_path: Path, place: str):
    command = ["ask", "hi", "-m", "echo:x | shout"]
    option = [f"--plugin={plugin}"] if place == "joined" else ["--plugin", str(plugin)]
    done = run(*(option + command if place == "before" else command + option), JIELONG_HOME=str(tmp_path))
    assert (done.stdout, done.returncode) == ("x: hi\n!\n", 0), done.stderr


def test_an_installed_package_needs_no_option(packages: Path, tmp_path: Path):
    done = run("ask", "hi", "-m", "echo:x | shout", path=packages, JIELONG_HOME=str(tmp_path))
    assert (done.stdout, done.returncode) == ("x: hi\n!\n", 0), done.stderr


def test_ones_own_verb_runs_and_is_listed(plugin: Path, packages: Path):
    assert run("greet", "--plugin", str(plugin)).stdout == "hello\n"
    assert run("greet", path=packages).stdout == "hello\n"
    assert re.search(r"greet +Say hello\.", run("--help", path=packages).stdout)


def test_techniques_are_listed_with_their_origin(plugin: Path, packages: Path):
    assert (
        f"Asks with an exclamation mark.\n    from {plugin}:shout" in run("techniques", "--plugin", str(plugin)).stdout
    )
    entries = json.loads(run("techniques", "--json", path=packages).stdout)
    origins = {entry["name"]: entry["origin"] for entry in entries}
    assert origins["cot"] == "jielong"
    assert origins["first_of"] == "package shouting 1.2 (shouting:first_of)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = (\n", ", line 1: SyntaxError: '(' was never closed"),
        ("import jielong\n\n1 / 0\n", ", line 3: ZeroDivisionError: division by zero"),
        ("import nowhere_at_all\n", ", line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(7)\n", ", line 1: SystemExit: 7"),
        (None, ": no such Python file"),
    ],
)
def test_a_plugin_that_fails_is_one_line(tmp_path: Path, text: str | None, words: str):
    file = tmp_path / "bad.py"
    if text is not None:
        file.write_text(text)
    done = run("doctor", "--plugin", str(file))
    assert (done.returncode, done.stderr) == (2, f"jielong: --plugin {file}{words}\n")


def test_a_plugin_finds_its_neighbours(tmp_path: Path):
    (tmp_path / "neighbour.py").write_text("WORD = 'found'\n")
    (tmp_path / "mine.py").write_text("import neighbour\nraise SystemExit(neighbour.WORD)\n")
    assert "SystemExit: found" in run("doctor", "--plugin", str(tmp_path / "mine.py")).stderr


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_clients_compose_with_ones_own_technique_only_where_it_is_allowed(installed: str):
    with pytest.raises(Exception, match="unknown technique 'shout'"):
        AllowedModels([], ["mini"]).find("mini | shout")
    assert AllowedModels([], ["mini", "shout"]).find("mini | shout").name == "mini | shout"
    with pytest.raises(Exception, match="unknown technique 'first_of'"):
        AllowedModels([], ["mini", "shout"]).find("mini | shout | first_of")
    with pytest.raises(Exception, match="'echo:x' may not be used"):
        AllowedModels([], ["mini", "shout"]).find("echo:x | shout")
