"""Recipes: one text form for models and everything wrapped around them.

    recipe = spec *("|" step)      step = NAME ["(" [NAME "=" value *("," NAME "=" value)] ")"]
    value  = recipe | "[" [value *("," value)] "]"
    spec   = BARE | JSON string    BARE: no space | , ( ) [ ] " '

A recipe is parsed without types, then each option is read by its annotation; nothing is ever evaluated. A name that
is not in the registry cannot be reached from a text.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, Union, cast, get_args, get_origin

from .answers import RULES
from .answers.metric_rule import MetricRule
from .bounded_json import read_json
from .contract import AnswerRule, Model
from .errors import RecipeError, UnknownName
from .model_names import unknown_model
from .registry import find, name_origins, names, unknown_name


@dataclass(frozen=True, slots=True)
class RecipeStep:
    name: str
    options: tuple[tuple[str, RecipeValue], ...] = ()


@dataclass(frozen=True, slots=True)
class RecipeNode:
    """A parsed recipe; a plain value is a recipe without steps."""

    spec: str
    quoted: bool = False
    steps: tuple[RecipeStep, ...] = ()


RecipeValue: TypeAlias = "RecipeNode | tuple[RecipeValue, ...]"

_TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[|,()\[\]])|(?P<bare>[^\s|,()\[\]"']+))""")
_BARE = re.compile(r"""[^\s|,()\[\]"']+""")
_WORDS = ("true", "false", "none")
DEEPEST = 50  # each step is a model around a model; a text from outside must not exhaust the stack


def parse(text: str) -> RecipeNode:
    """The tree of a recipe. Raises RecipeError that names the column."""
    parser = _Parser(text)
    node = parser.recipe("")
    if parser.peek()[0] != "end":
        parser.expected("'|' or the end")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        self.at = self.depth = position = 0
        text = text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found or not found.lastgroup:
                rest = text[position:].lstrip()[:12]
                column = len(text) - len(text[position:].lstrip()) + 1
                raise RecipeError(f"recipe, column {column}: cannot read {rest!r}; texts go in double quotes")
            self.tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            position = found.end()
        self.tokens.append(("end", "", len(text)))

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at][:2]

    def take(self, mark: str) -> bool:
        if self.peek() == ("mark", mark):
            self.at += 1
            return True
        return False

    def expected(self, what: str) -> NoReturn:
        _, found, column = self.tokens[self.at]
        raise RecipeError(f"recipe, column {column + 1}: expected {what}, found {repr(found) if found else 'the end'}")

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self.expected(f"at most {DEEPEST} steps one within another")

    def recipe(self, head: str) -> RecipeNode:
        depth = self.depth
        quoted = False
        if not head:
            kind, head = self.peek()
            if kind not in ("bare", "string"):
                self.expected("a model or a value")
            if quoted := kind == "string":
                head = self.string(head)
            self.at += 1
        steps = []
        while self.take("|"):
            kind, name = self.peek()
            if kind != "bare":
                self.expected("the name of a technique")
            self.at += 1
            self.deeper()
            steps.append(RecipeStep(name, self.options() if self.take("(") else ()))
        self.depth = depth
        return RecipeNode(head, quoted, tuple(steps))

    def string(self, token: str) -> str:
        try:
            return str(read_json(token, strict=False))
        except ValueError:
            self.expected("a text with JSON escapes")

    def options(self) -> tuple[tuple[str, RecipeValue], ...]:
        options: dict[str, RecipeValue] = {}
        while not self.take(")"):
            kind, word = self.peek()
            name, equals, rest = word.partition("=")
            if kind != "bare" or not equals or not name.isidentifier():
                self.expected("option=value")
            if name in options:
                self.expected(f"each option once, not {name} again")
            self.at += 1
            options[name] = self.value(rest)
            if not self.take(",") and self.peek() != ("mark", ")"):
                self.expected("',' or ')'")
        return tuple(options.items())

    def value(self, head: str) -> RecipeValue:
        if head or not self.take("["):
            return self.recipe(head)
        self.deeper()
        items: list[RecipeValue] = []
        while not self.take("]"):
            items.append(self.value(""))
            if not self.take(",") and self.peek() != ("mark", "]"):
                self.expected("',' or ']'")
        self.depth -= 1
        return tuple(items)


def load(text: str) -> Model:
    """The model that a recipe describes, e.g. `load("mini | cot | self_consistency(n=8)")`.

    Raises: RecipeError, with the column or the nearest known name; MissingKey, MissingExtra.
    """
    return build(parse(text))


def build(node: RecipeNode, base: Model | None = None) -> Model:
    """The model of a parsed recipe; with `base`, its steps around that model instead of the one it names."""
    model = base or _base_model(node.spec)
    for step in node.steps:
        model = find_technique(step.name)(**read_options(step)).wrap(model)
    return model


def _base_model(spec: str) -> Model:
    kind, _, rest = spec.partition(":")
    try:
        loader = find("models", kind)
    except UnknownName:
        raise unknown_model(spec) from None
    return cast(Model, loader(kind, rest))


class Declared(Protocol):
    """What a registered technique is to this module: called with options it gives one that wraps models."""

    @property
    def hints(self) -> Mapping[str, Any]: ...

    def __call__(self, **options: Any) -> Any: ...


def find_technique(name: str) -> Declared:
    return cast(Declared, find("techniques", name))


def read_options(step: RecipeStep) -> dict[str, Any]:
    hints = find_technique(step.name).hints
    for name, _ in step.options:
        if name not in hints:
            raise unknown_name(f"option of {step.name}", name, hints)
    return {name: read(value, hints[name], f"{step.name}({name}=)") for name, value in step.options}


def read(value: RecipeValue, kind: Any, where: str) -> Any:
    """One option's value, read as its annotation says. Raises RecipeError that names the option."""
    if get_origin(kind) in (Union, types.UnionType):
        return _read_union(value, get_args(kind), where)
    if get_origin(kind) in (tuple, Sequence):
        items = value if isinstance(value, tuple) else (value,)
        return tuple(read(item, get_args(kind)[0], where) for item in items)
    if isinstance(value, tuple):
        raise RecipeError(f"{where}: expected one value, found a list")
    if kind is Model:
        return build(value)
    if value.steps:
        raise RecipeError(f"{where}: expected {_called(kind)}, found a recipe; a text with '|' goes in double quotes")
    if kind is AnswerRule:
        if value.spec in RULES:
            return RULES[value.spec]
        if value.spec in name_origins("metrics"):
            return MetricRule(find("metrics", value.spec))
        raise unknown_name("answer rule", value.spec, RULES)
    if get_origin(kind) is Literal:
        if value.spec not in get_args(kind):
            raise unknown_name(f"{where} value", value.spec, get_args(kind))
        return value.spec
    return _read_plain(value, kind, where)


def _read_union(value: RecipeValue, kinds: tuple[Any, ...], where: str) -> Any:
    if value == RecipeNode("none") and type(None) in kinds:
        return None
    problem: RecipeError | None = None
    readable = [k for k in kinds if k is AnswerRule or not (k is type(None) or getattr(k, "_is_protocol", False))]
    for kind in readable:
        try:
            return read(value, kind, where)
        except RecipeError as error:
            problem = problem or error
    named = list(filter(None, map(_names, readable)))
    known = [name for names in named for name in names]
    if len(named) > 1 and isinstance(value, RecipeNode) and value.spec.partition(":")[0] not in known:
        if Model in readable:
            raise unknown_model(value.spec, f"{where} value", known)
        raise unknown_name(f"{where} value", value.spec, known)
    raise problem or RecipeError(f"{where}: cannot be written in a recipe, only given in Python")


def _names(kind: Any) -> tuple[str, ...]:
    """What may stand first where this kind of value is read by name."""
    if kind is Model or kind is AnswerRule:
        return tuple(names("models") if kind is Model else RULES)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _read_plain(value: RecipeNode, kind: Any, where: str) -> Any:
    text = value.spec
    try:
        if kind is bool and not value.quoted:
            return {"true": True, "false": False}[text]
        if kind in (int, float) and not value.quoted:
            return kind(text)
        if kind in (str, Path):
            return kind(text)
    except (KeyError, ValueError):
        pass
    found = f"a text, {json.dumps(text, ensure_ascii=False)}" if value.quoted else repr(text)
    raise RecipeError(f"{where}: expected {_called(kind)}, found {found}")


def _called(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def write_value(value: Any) -> str:
    """A value as a recipe writes it, so that `read` gives it back."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Model):
        return value.name
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")  # 1 and 1.0 are one value of a number option, so they get one text
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    if isinstance(value, str | Path):
        return quote(str(value))
    if isinstance(value, MetricRule):
        return value.__name__
    for name, rule in RULES.items():
        if rule is value:
            return name
    kind = value if hasattr(value, "__qualname__") else type(value)
    return json.dumps(f"<{kind.__module__}.{kind.__qualname__}>")  # can be read by people, and load() refuses it


def quote(text: str) -> str:
    return text if _BARE.fullmatch(text) and text not in _WORDS else json.dumps(text, ensure_ascii=False)


def show_step(name: str, parameters: Iterable[str], options: Mapping[str, Any]) -> str:
    """A step with the options that were given, in the order of the signature."""
    given = [f"{parameter}={write_value(options[parameter])}" for parameter in parameters if parameter in options]
    return f"{name}({', '.join(given)})" if given else name
