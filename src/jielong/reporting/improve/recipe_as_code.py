"""A recipe as commands and as Python."""

from __future__ import annotations

import inspect
import json
import shlex
from typing import Any

from ... import __all__ as public
from ...contract import Model
from ...recipe import RecipeStep, find_technique, parse, read_options


def as_command(recipe: str, question: str) -> str:
    return f"jielong ask {shlex.quote(question)} -m {shlex.quote(recipe)}"


def as_python(recipe: str, question: str) -> str:
    """A program that builds the model and asks it. Where an option has no short form in Python, `load` reads it all."""
    node = parse(recipe)
    steps = [_step(step) for step in node.steps]
    if all(steps):
        names = sorted({"load", *(step.name for step in node.steps)})
        base = json.dumps(node.spec, ensure_ascii=False) if node.quoted else node.spec
        built = " | ".join([f"load({_quoted(base)})", *(step for step in steps if step)])
    else:
        names, built = ["load"], f"load({_quoted(recipe)})"
    return f"from jielong import {', '.join(names)}\n\nmodel = {built}\nprint(model.ask({_quoted(question)}))"


def _step(step: RecipeStep) -> str | None:
    if step.name not in public:
        return None
    options = [_literal(name, value) for name, value in read_options(step).items()]
    if None in options:
        return None
    return f"{step.name}({', '.join(map(str, options))})" if options else step.name


def _literal(name: str, value: Any) -> str | None:
    if isinstance(value, Model):
        return f"{name}=load({_quoted(value.name)})"
    return f"{name}={value!r}" if _is_plain(value) else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def explained(recipe: str) -> list[tuple[str, str]]:
    """Each step with the first paragraph of its docstring."""
    names = dict.fromkeys(step.name for step in parse(recipe).steps)
    return [(name, _first_paragraph(name)) for name in names]


def _first_paragraph(name: str) -> str:
    return " ".join((inspect.getdoc(find_technique(name)) or "").split("\n\n")[0].split())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
