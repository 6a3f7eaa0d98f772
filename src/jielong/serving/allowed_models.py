"""Which models a client may use: those that the operator named, and what it composes of the allowed ones.

The `model` of a request is the only text that is ever read as a recipe, and only where the operator allows composing.
Then every model in it, also inside options, must be an allowed spec as the operator wrote it, and no option may reach
out of the recipe: none that is a path, and no technique of a room that reads files, opens URLs or runs tools.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from ..contract import Model
from ..errors import BadInput, RecipeError
from ..recipe import RecipeNode, RecipeStep, RecipeValue, build, find_technique, load, parse
from ..registry import BUILT_IN, name_origins, names, unknown_name
from .error_responses import unknown_model

MAX_CALLS, CACHE_SIZE = 256, 64  # a composed recipe's calls for one request; how many composed models are kept
MAX_STEPS = 16  # of a composed recipe, those in its options counted
MAX_SETTING = 2**31  # numbers that order no work: seeds, limits of tokens and money; no other is larger than MAX_CALLS
_SETTINGS = ("options", "budget")
_REACH_OUT = ("jielong.techniques.tools", "jielong.techniques.retrieve", "jielong.techniques.context", "jielong.agents")
_NAME_AND_RECIPE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)", re.S)


class AllowedModels:
    """`models`: recipes, `NAME=RECIPE`, or models made in Python. `allow`: specs that clients may compose with, and
    techniques that are not jielong's own, by name."""

    def __init__(self, models: Sequence[str | Model], allow: Sequence[str] = ()) -> None:
        self.named: dict[str, Model] = {}
        for recipe in models:
            name, model = _name_and_model(recipe)
            if name in self.named:
                raise BadInput(f"two models are called {name!r}; give one another name, as in NAME={model.name}")
            self.named[name] = model
        self.allowed: dict[str, Model] = {}
        own_techniques = name_origins("techniques") if allow else {}
        self.allowed_techniques = {*BUILT_IN["techniques"], *(name for name in allow if name in own_techniques)}
        for spec in allow:
            if spec in self.allowed_techniques:
                continue
            node = parse(spec)
            if node.steps:
                raise BadInput(f"--allow takes models without techniques, and {spec!r} has some; name it as a model")
            self.allowed[node.spec] = build(node)
        if not self.named and not self.allowed:
            raise BadInput("nothing to serve; name a recipe, as in: jielong serve mini")
        self._composed: OrderedDict[str, Model] = OrderedDict()

    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.named, *(model.name for model in self.allowed.values())]))

    def find(self, name: str, choices: int = 1) -> Model:
        """The model of this name, or the composed one. Raises ErrorResponse (404) for what is neither, BadInput."""
        if name in self.named:
            return self.named[name]
        model = self._find_composed(name)
        if choices > 1:
            self.check_calls(model, choices)
        return model

    def _find_composed(self, name: str) -> Model:
        if not self.allowed:
            raise unknown_model(f"no model {name[:200]!r} here; /v1/models lists them")
        if name in self._composed:
            self._composed.move_to_end(name)
            return self._composed[name]
        model = self._composed[name] = self._compose(name)
        if len(self._composed) > CACHE_SIZE:
            self._composed.popitem(last=False)
        return model

    def _compose(self, name: str) -> Model:
        try:
            node = parse(name)
        except RecipeError as error:
            raise unknown_model(f"no model {name[:200]!r} here, and no recipe either: {error}") from None
        parts = list(_parts(node, self.allowed_techniques))
        if sum(len(part.steps) for part in parts) > MAX_STEPS:
            raise BadInput(f"model: a composed recipe has {MAX_STEPS} steps at most")
        for part in parts:
            if part.spec not in self.allowed:
                allowed = ", ".join(self.allowed)
                raise unknown_model(f"{part.spec[:200]!r} may not be used in a composed recipe; allowed: {allowed}")
        self.check_calls(build(_without_budgets(node), self.allowed[node.spec]), 1)
        return build(node, self.allowed[node.spec])

    @staticmethod
    def check_calls(model: Model, choices: int) -> None:
        """Raises BadInput for a composed model that would make too many calls for so many choices of one request."""
        if (calls := choices * model.max_calls()) > MAX_CALLS:
            raise BadInput(f"model: up to {calls:,} calls for one request; a composed recipe may make {MAX_CALLS}")


def _name_and_model(recipe: str | Model) -> tuple[str, Model]:
    if isinstance(recipe, Model):
        return recipe.name, recipe
    if match := _NAME_AND_RECIPE.fullmatch(recipe.strip()):
        return match[1], load(match[2])
    model = load(recipe)
    return model.name, model


def composable(name: str, option: str) -> bool:
    """Whether clients may use this technique with this option ("": with none)."""
    hints: Mapping[str, Any] = find_technique(name).hints
    return not BUILT_IN["techniques"].get(name, "").startswith(_REACH_OUT) and Path not in _types_in(hints.get(option))


def _parts(node: RecipeNode, techniques: Set[str]) -> Iterator[RecipeNode]:
    """Every model that a recipe names. Raises ErrorResponse for what reaches out of it."""
    yield node
    for step in node.steps:
        if step.name not in techniques:
            raise unknown_model(str(unknown_name("technique", step.name[:100], techniques)))
        hints: Mapping[str, Any] = find_technique(step.name).hints
        for option, value in (("", ()), *step.options):
            if not composable(step.name, option):
                raise unknown_model(f"a composed recipe may not use {step.name}({option and option + '='})")
            _check_numbers(step, option, value, hints.get(option))
            if Model in _types_in(hints.get(option)):
                yield from _models(value, techniques)


def _check_numbers(step: RecipeStep, option: str, value: Any, hint: Any) -> None:
    """Raises BadInput for a number that is too large, or none."""
    if isinstance(value, tuple):
        for item in value:
            _check_numbers(step, option, item, hint)
        return
    most = MAX_SETTING if step.name in _SETTINGS else MAX_CALLS
    if isinstance(value, RecipeNode) and not value.quoted and {int, float} & _types_in(hint):
        with suppress(ValueError):  # none, or what `read` refuses
            if not abs(float(value.spec)) <= most:
                raise BadInput(f"model: {step.name}({option}=) may be {most:,} at most in a composed recipe")


def _without_budgets(value: Any) -> Any:
    """A budget bounds what is spent, and not how many calls are begun."""
    if isinstance(value, tuple):
        return tuple(map(_without_budgets, value))
    steps = [step for step in value.steps if step.name != "budget"]
    kept = [RecipeStep(step.name, tuple((n, _without_budgets(v)) for n, v in step.options)) for step in steps]
    return replace(value, steps=tuple(kept))


def _models(value: RecipeValue, techniques: Set[str]) -> Iterator[RecipeNode]:
    if isinstance(value, tuple):
        for item in value:
            yield from _models(item, techniques)
    elif value.steps or value.spec.partition(":")[0] in names("models"):
        yield from _parts(value, techniques)


def _types_in(hint: Any) -> set[Any]:
    """All types that a hint is made of."""
    return {hint}.union(*map(_types_in, get_args(hint)))
