"""`jielong techniques`: what there is, from the docstrings and signatures of the techniques themselves."""

from __future__ import annotations

import inspect
from typing import Any

import click

from ..recipe import find_technique, write_value
from ..registry import name_origins, names
from ..reporting.terminal import print_json
from . import options
from .messages import localized


@click.command(help=localized("help.techniques"))
@click.argument("name", required=False)
@options.as_json
def techniques(name: str | None, as_json: bool) -> None:
    if as_json:
        chosen = [name] if name else names("techniques")
        print_json([_description(each) for each in chosen], indent=1)
    elif name:
        description = _description(name)
        print(f"{description['recipe']}\n{_origin(description)}\n{description['help']}")
    else:
        for each in names("techniques"):
            description = _description(each)
            first_line = description["help"].partition("\n")[0]
            print(f"{description['recipe']}\n    {first_line}\n{_origin(description)}", end="")


def _description(name: str) -> dict[str, Any]:
    technique: Any = find_technique(name)
    parameters = [
        parameter.name + ("" if parameter.default is parameter.empty else f"={write_value(parameter.default)}")
        for parameter in technique.parameters.values()
    ]
    return {
        "name": name,
        "recipe": f"{name}({', '.join(parameters)})" if parameters else name,
        "options": {option: _type_name(hint) for option, hint in technique.hints.items()},
        "help": inspect.getdoc(technique) or "",
        "origin": name_origins("techniques").get(name, "jielong"),
    }


def _origin(description: dict[str, Any]) -> str:
    """A line that says where a technique comes from, unless it is jielong's own."""
    if description["origin"] == "jielong":
        return ""
    return f"    {localized('techniques.origin', origin=description['origin'])}\n"


def _type_name(hint: Any) -> str:
    text = str(hint).replace("typing.", "").replace("jielong.contract.", "")
    return hint.__name__ if isinstance(hint, type) else text
