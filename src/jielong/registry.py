"""Open tables: techniques, models, metrics, task readers, tools and verbs of the command line, found by name.

A name is built in (the table below; loaded when it is first used), registered in this process (techniques by their
decorator, anything by `register`), or an entry point of an installed package. In that package's pyproject.toml:

    [project.entry-points."jielong.techniques"]
    shout = "my_package:shout"

Nobody overrides a built-in name, and a name that two places claim is an error that names both. What a name stands for:

    techniques  what @adds_input or @adds_output made; the entry point's name is the function's
    models      loader(kind, rest) -> Model, for the recipe "kind:rest"
    metrics     a Metric
    tasks       loader(spec, limit, seed) -> Task, for the task "name", "name:rest" or "name/rest"
    tools       maker of a tool
    verbs       a click.Command
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .errors import BadInput, UnknownName

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind: TypeAlias = Literal["techniques", "models", "metrics", "tasks", "tools", "verbs"]


def _names(modules: Mapping[str, str]) -> dict[str, str]:
    return {name: f"jielong.{module}:{name}" for module, names in modules.items() for name in names.split()}


_ENDPOINTS = "openai ollama vllm deepseek qwen glm kimi doubao siliconflow anthropic gemini openrouter"
_VERBS = (
    "ask chat improve distil prompts index route cascade data train judge vote rank contamination loadtest serve "
    "techniques ledger doctor"
)
BUILT_IN: Mapping[Kind, Mapping[str, str]] = {
    "techniques": _names(
        {
            "techniques.prompting": "cot spell persona premise options instruct",
            "techniques.few_shot": "few_shot",
            "techniques.self_consistency": "self_consistency",
            "techniques.best_of_n": "best_of_n",
            "techniques.self_check": "self_check self_refine critique_by",
            "techniques.brief": "brief",
            "techniques.decompose": "plan_and_solve least_to_most outline",
            "techniques.reflexion": "reflexion",
            "techniques.program_of_thought": "program_of_thought",
            "techniques.context": "context",
            "techniques.retrieve": "retrieve",
            "techniques.tools.tool_loop": "tools react",
            "techniques.cooperate.delegate": "delegate",
            "techniques.cooperate.debate": "debate",
            "techniques.cooperate.mixture_of_agents": "mixture_of_agents",
            "techniques.cooperate.team": "team",
            "techniques.search.tree_of_thoughts": "tree_of_thoughts",
            "techniques.search.graph_of_thoughts": "graph_of_thoughts",
            "techniques.cooperate.cascade": "cascade",
            "techniques.cooperate.route": "route",
            "runtime.budget": "budget",
        }
    ),
    "models": {
        **{kind: f"jielong.models.{kind}:load" for kind in ("mini", "local", "scripted")},
        "outputs": "jielong.measuring.existing_outputs:load",
        "reward": "jielong.models.local.reward_model:load",
        **dict.fromkeys(_ENDPOINTS.split(), "jielong.models.openai:load"),
    },
    "metrics": _names(
        {
            "tasks.metric": "number choice label exact contains json code yes_no judge",
            "tasks.likelihood": "acc acc_norm acc_bytes acc_mutual_info acc_letter",
            "tasks.text_overlap": "bleu chrf rouge",
            "tasks.answers_from_sources": "answered grounded",
            "tasks.instructions": "format",
        }
    ),
    "tasks": {
        "mini": "jielong.tasks.mini_tasks:built_in",
        **{name: f"jielong.tasks.{name}_task:built_in" for name in ("format", "needle")},
    },
    "tools": {},
    "verbs": {
        **{verb: f"jielong.cli.{verb}:{verb}" for verb in _VERBS.split()},
        "eval": "jielong.cli.eval:eval_",
        "next": "jielong.cli.next:next_",
        "demo": "jielong.cli.improve:demo",
    },
}
_CALLED = {"tasks": "source of tasks", "verbs": "command"}  # the others are called by their singular


@dataclass(frozen=True, slots=True)
class Registered:
    """What this process registered under a name. `place` is "module:qualified name" and tells two of them apart."""

    thing: Any
    place: str


_registered: dict[tuple[Kind, str], Registered] = {}  # filled when a definition is executed, never by a call of a model


def register(kind: Kind, name: str, thing: Any, place: str) -> None:
    """Make `thing` known under `name` in this process. The same place again, as when a notebook's cell runs again,
    replaces it. Raises BadInput when the name is built in or comes from another place already."""
    built_in = BUILT_IN[kind].get(name)
    if built_in == place:
        return
    if built_in:
        raise _conflict(kind, name, f"jielong itself ({built_in})", place)
    known = _registered.get((kind, name))
    # A function inside a function is gone with the call that defined it; the next one may take its name.
    if known and known.place != place and "<locals>" not in known.place:
        raise _conflict(kind, name, known.place, place)
    _registered[kind, name] = Registered(thing, place)


def find(kind: Kind, name: str) -> Any:
    """What `name` stands for. Raises UnknownName with the nearest known name, BadInput for a name claimed twice."""
    if name in BUILT_IN[kind]:
        return resolve(BUILT_IN[kind][name])
    known = _registered.get((kind, name))
    points = [point for point in _entry_points(kind) if point.name == name]
    if len(points) > 1:
        raise _conflict(kind, name, *(_package(point) for point in points[:2]))
    if points:
        if known and (points[0].module not in sys.modules or known.thing is not _load(kind, points[0])):
            raise _conflict(kind, name, known.place, _package(points[0]))
        return _load(kind, points[0])
    if known:
        return known.thing
    raise unknown_name(_CALLED.get(kind, kind.removesuffix("s")), name, names(kind))


def names(kind: Kind) -> list[str]:
    """Every known name: the built-in ones first, in their order. Raises BadInput for a name claimed twice."""
    return [*BUILT_IN[kind], *name_origins(kind)]


def name_origins(kind: Kind) -> dict[str, str]:
    """Where each name that is not built in comes from: a file of this process or an installed package."""
    found = {name: known.place for (of_kind, name), known in _registered.items() if of_kind == kind}
    packages: dict[str, str] = {}
    for point in _entry_points(kind):
        package = _package(point)
        if point.name in BUILT_IN[kind]:
            raise _conflict(kind, point.name, f"jielong itself ({BUILT_IN[kind][point.name]})", package)
        if point.name in packages:
            raise _conflict(kind, point.name, packages[point.name], package)
        packages[point.name] = package
    return found | packages


def resolve(reference: str) -> Any:
    """The object of a "module:attribute" reference."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


def load_plugin(file: Path) -> None:
    """Run the user's own Python file, whose definitions register themselves. Raises BadInput in one line."""
    name = str(file.resolve())  # two plugins of one file name in two folders are two modules
    spec = spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise BadInput(f"--plugin {file}: no such Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(file.resolve().parent))  # the plugin's neighbours, behind everything that is installed
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever the user's file raises is the user's to read
        import traceback

        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        place = f"{file}, line {line}" if line else file
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        raise BadInput(f"--plugin {place}: {type(error).__name__}: {words}") from error


def unknown_name(what: str, name: str, known: Iterable[Any]) -> UnknownName:
    """The error for a name that is not among `known`, with the nearest one if one is near."""
    import difflib

    choices = sorted(map(str, known))
    spellings = {choice.casefold().replace("-", "_"): choice for choice in choices}
    near = difflib.get_close_matches(name.casefold().replace("-", "_"), spellings, 1, cutoff=0.5)
    hint = f"did you mean {spellings[near[0]]!r}?" if near else f"known: {', '.join(choices) or 'none'}"
    return UnknownName(f"unknown {what} {name!r}; {hint}")


def _entry_points(kind: Kind) -> list[EntryPoint]:
    if not _is_declared(f"[jielong.{kind}]"):
        return []
    from importlib.metadata import entry_points

    return sorted(set(entry_points(group=f"jielong.{kind}")), key=lambda point: (point.name, point.value))


def _is_declared(section: str) -> bool:
    """Whether any installed package has such entry points. importlib.metadata knows, too, but takes four times as long
    to import and ask, which `jielong --help` would pay on every machine without such packages."""
    for path in filter(os.path.isdir, sys.path):
        for folder in os.listdir(path):
            if folder.endswith((".dist-info", ".egg-info")):
                with suppress(OSError), open(f"{path}/{folder}/entry_points.txt", encoding="utf-8") as file:
                    if section in file.read():
                        return True
    return False


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name} {point.dist.version} ({point.value})" if point.dist else point.value


def _load(kind: Kind, point: EntryPoint) -> Any:
    try:
        thing = point.load()
    except Exception as error:  # an installed package may fail in any way
        raise BadInput(f"{_package(point)} cannot be loaded: {type(error).__name__}: {error}") from error
    name = getattr(thing, "__name__", "")
    if kind == "techniques" and name != point.name:
        raise BadInput(f"{_package(point)}: the entry point {point.name!r} must have the technique's name, {name!r}")
    return thing


def _conflict(kind: Kind, name: str, first: str, second: str) -> BadInput:
    return BadInput(f"two {kind} are called {name!r}: {first} and {second}; rename one of them")
