"""`jielong techniques`: what there is, from the docstrings and signatures of the techniques themselves."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click

from ..recipe import TECHNIQUES, find_technique, write_value
from . import options
from .messages import localized


@click.command(help=localized("help.techniques"))
@click.argument("name", required=False)
@options.as_json
def techniques(name: str | None, as_json: bool) -> None:
    if as_json:
        names = [name] if name else list(TECHNIQUES)
        print(json.dumps([_described(each) for each in names], ensure_ascii=False, indent=1))
    elif name:
        said = _described(name)
        print(f"{said['recipe']}\n\n{said['help']}")
    else:
        for each in TECHNIQUES:
            said = _described(each)
            print(f"{said['recipe']}\n    {said['help'].splitlines()[0]}")


def _described(name: str) -> dict[str, Any]:
    found: Any = find_technique(name)
    given = []
    for parameter in found.parameters.values():
        value = f"={write_value(parameter.default)}" if parameter.default is not parameter.empty else ""
        given.append(f"{parameter.name}{value}")
    options = {parameter: _kind(hint) for parameter, hint in found.hints.items()}
    recipe = f"{name}({', '.join(given)})" if given else name
    return {"name": name, "recipe": recipe, "options": options, "help": inspect.getdoc(found) or ""}


def _kind(hint: Any) -> str:
    return (
        hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "").replace("jielong.contract.", "")
    )
