"""Every registered technique with sensible options, chosen by annotation and name: new techniques need no line here."""

from __future__ import annotations

import hashlib
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from jielong.contract import Message, Model, Request, Sampling
from jielong.documents.document import Chunk
from jielong.errors import BadInput
from jielong.recipe import find_technique
from jielong.registry import BUILT_IN
from jielong.retrieval.retriever import Hit

Make: TypeAlias = Callable[[Model], Model]  # puts a technique, or a stack of them, around a model


class OneText:
    """An index that finds the same for every question."""

    async def search(self, query: str, k: int) -> Sequence[Hit]:
        return [Hit(Chunk("1", 0, 6, "a text"), 1.0)]


def one_text_file() -> Path:
    folder = Path(tempfile.gettempdir()) / "jielong-laws-files"
    folder.mkdir(exist_ok=True)
    (folder / "1").write_text("a text")
    return folder / "1"


WANTED = {"context": ["files", "k"]}  # what it needs one of, where no default says so
SMALL: dict[str, Any] = {
    "index": OneText(),
    "files": (one_text_file(),),
    **{"breadth": 2, "depth": 2},
    **{"n": 2, "rounds": 1, "k": 1, "max_tokens": 64, "examples": (("1 + 1", "2"),)},
    **{"calls": 10**6, "tokens": 10**9, "usd": 1e6, "seconds": 3600.0},  # limits that are never met
}


def sample(name: str, kind: Any, model: Model) -> Any:
    """A value for an option: by its name if that says it, else by its annotation."""
    if name in SMALL:
        return SMALL[name]
    if name == "models":  # of one provider, which counts; asked in other words, so that they are no copies of one
        return find_technique("cot")().wrap(model), find_technique("cot")(wording="logically").wrap(model)
    if get_origin(kind) in (Union, UnionType):
        readable = [k for k in get_args(kind) if k is not type(None) and not getattr(k, "_is_protocol", False)]
        return sample(name, readable[0], model) if readable else None
    if get_origin(kind) in (tuple, Sequence):
        return (sample(name, get_args(kind)[0], model),) * 2
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    known: dict[Any, Any] = {Model: model, str: "a text", int: 2, float: 0.5, bool: True, Path: examples_file()}
    assert kind in known, f"laws: no sample for an option {name}: {kind}; add one to samples.py"
    return known[kind]


def examples_file() -> Path:
    file = Path(tempfile.gettempdir()) / "jielong-laws-examples.jsonl"
    if not file.exists():
        file.write_text('{"input": "1 + 1", "answer": "2"}\n{"input": "2 + 1", "answer": "3"}\n')
    return file


def route_file(names: Sequence[str]) -> Path:
    """Of a route among these: by how many lines a text has, which is all that chooses here."""
    digest = hashlib.sha256(repr(names).encode()).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / f"jielong-laws-route-{digest}.json"
    models = [
        {"name": each, "accuracy": 0.5, "cost": 1, "weights": [0, 1 - i, *[0] * 8, i / 2], "calibration": [1, 0]}
        for i, each in enumerate(names)
    ]
    surface = {"surface_mean": [0] * 8, "surface_scale": [1] * 8}
    about = {"format": "jielong-route-1", "task": "laws", "items": 20, "unit": "tokens", "cost_weight": 0}
    if not file.exists():
        file.write_text(json.dumps({**about, "models": models, **surface}))
    return file


def variants(*, small: bool = False) -> Iterator[tuple[str, Make]]:
    """Each technique with its defaults, with each alternative of a choice, with models for the options that take one.

    `small`: the numbers of samples and rounds are kept low, for stacks.
    """
    for name in BUILT_IN["techniques"]:
        declared: Any = find_technique(name)
        parameters, hints = declared.parameters, declared.hints
        missing = [n for n, p in parameters.items() if p.default is inspect.Parameter.empty] or WANTED.get(name, [])
        few = [n for n in parameters if small and n in ("n", "rounds", "k", "breadth", "depth")]
        needed = [*missing, *few] if _enough(declared, missing) else list(parameters)
        yield name, _make(name, {n: hints[n] for n in needed}, {})
        for option, kind in hints.items():
            if option in needed:
                continue
            for value in _choices(kind):
                if value != parameters[option].default:
                    yield f"{name}({option}={value})", _make(name, {n: hints[n] for n in needed}, {option: value})
            if Model in get_args(kind) or kind is Model:
                chosen = {n: hints[n] for n in needed} | {option: Model}
                yield f"{name}({option}=a model)", _make(name, chosen, {})


def _choices(kind: Any) -> list[Any]:
    """The values that can be gone through: those of a choice, also where it is one of several kinds."""
    if get_origin(kind) in (Union, UnionType):
        return [value for each in get_args(kind) if get_origin(each) is Literal for value in get_args(each)]
    return list(get_args(kind)) if get_origin(kind) is Literal else [False, True] if kind is bool else []


def _enough(declared: Any, given: list[str]) -> bool:
    """Whether these options are all that it needs: some techniques want one of several."""
    try:
        made = declared(**{name: sample(name, declared.hints[name], _Nobody()) for name in given})
        if getattr(made, "adds_output", True):
            return True
        changed = made.function(ask("1 + 1"), **made.options)
        if inspect.iscoroutine(changed):
            changed.close()
    except BadInput:
        return False
    except AttributeError:
        return True  # it wants to call its model: that is later
    return True


def _make(name: str, kinds: dict[str, Any], values: dict[str, Any]) -> Make:
    def make(model: Model) -> Model:
        given = {option: sample(option, kind, model) for option, kind in kinds.items()} | values
        if "examples" in given:
            given.pop("file", None)  # one of the two
        if name == "route":
            given["file"] = route_file([model.name, *(each.name for each in given["models"])])
        return find_technique(name)(**given).wrap(model)  # type: ignore[no-any-return]

    return make


class _Nobody(Model):
    @property
    def name(self) -> str:
        return "nobody"

    async def generate(self, request: Request) -> Any:
        raise AttributeError("nobody is there")


def ask(text: str, *, seed: int | None = 11, max_tokens: int | None = 64, **sampling: Any) -> Request:
    return Request((Message("user", text),), Sampling(seed=seed, max_tokens=max_tokens, **sampling))
