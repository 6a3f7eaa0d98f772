"""What is wrong with a file of settings, in our words: which setting, what it should be, and what was found."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from .errors import BadInput
from .registry import unknown_name

_EXPECTED = {  # by the beginning of pydantic's name for the kind of error; {…} are the limits it tells
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "string": "a text in quotes",
    "path": "a text in quotes",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "model": "a section with settings",
    "dict": "a section with settings",
    "tuple": "a list",
    "list": "a list",
}


def settings_error(file: Path, model: type[BaseModel], error: ValidationError) -> BadInput:
    """One line for all that pydantic found wrong with the settings of `file`, which should be those of `model`."""
    every = error.errors()
    # Where an entry of a list is wrong, pydantic also complains that the list is too short.
    inner = {problem["loc"][:n] for problem in every for n in range(1, len(problem["loc"]))}
    # Of a value that may be one text or several, pydantic names the form that it tried, and complains of both.
    by_place = {_place(problem): problem for problem in reversed(every) if problem["loc"] not in inner}
    problems = [*by_place.values()][::-1]
    first, place = problems[0], [*by_place][-1]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return BadInput(f"{file}: {_problem(place, first, model)}{more}")


def _place(problem: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in problem["loc"] if part not in ("str", "tuple[str, ...]"))


def _problem(place: str, problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return str(limits["error"])  # raised by a check of our own, which names the setting
    if kind == "missing":
        return f"{place} is missing"
    if kind == "extra_forbidden":
        return str(unknown_name("setting", place, _known(problem["loc"], model)))
    expected = next((words for name, words in _EXPECTED.items() if kind.startswith(name)), "another value")
    found = "a section" if isinstance(problem["input"], dict) else repr(problem["input"])
    return f"{place}: expected {expected.format(**limits)}, found {found}"


def _known(location: tuple[Any, ...], model: type[BaseModel]) -> list[str]:
    """The settings that exist beside the one at this place, as they are written from the top."""
    for part in location[:-1]:
        if part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    above = "".join(f"{part}." for part in location[:-1])
    return [f"{above}{name}" for name in model.model_fields]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings within `Section | None`, `tuple[Section, ...]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
