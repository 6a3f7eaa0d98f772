"""What a clumsy model wrote as a call, mended where only one thing can be meant; everything else is told to the model.

Names: another spelling of one offered name (case, separators, a prefix such as `functions.`), or one that is clearly
nearer than all others. JSON: see `lenient_json`. Arguments: one wrapped in another object, the bare value of a single
parameter, the nearest parameter name, JSON within a text, the case of a choice; within objects and lists, too.

It guesses no values, and never a name that was not offered.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...models.lenient_json import read_arguments
from ...models.parameter_schema import Schema, ValueSchema, value_schema

_PREFIX = re.compile(r"^(?:functions?|tools?|default_api|api)[.:/_-]+", re.I)
_WRAPPERS = ("arguments", "parameters", "args", "params", "input", "kwargs", "properties")
LONGEST_NAME = 200  # characters: comparing takes the square of them
NEAR, CLEARLY = 0.75, 0.12  # how alike a name must be, and by how much more alike than the next one

Json = dict[str, Any]


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The offered name that can only be meant; None when there is none, or more than one."""
    names = list(dict.fromkeys(known))
    if name in names:
        return name
    if len(name) > LONGEST_NAME:
        return None
    for plain in (_plain(name), _plain(_PREFIX.sub("", name))):
        if same := [one for one in names if _plain(one) == plain]:
            return same[0] if len(same) == 1 else None
    if len(_plain(name)) < 3:
        return None
    matchers = ((difflib.SequenceMatcher(None, _plain(name), _plain(one), autojunk=False), one) for one in names)
    similarities = sorted(((matcher.ratio(), one) for matcher, one in matchers), reverse=True)
    (best, nearest), (second, _) = [*similarities, (0.0, ""), (0.0, "")][:2]
    return nearest if best >= NEAR and best - second >= CLEARLY else None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def repair_arguments(text: str, schema: Schema) -> Json:
    """What a model wrote as an object of the schema's parameters, as far as that can be told. Raises ValueError."""
    value = read_arguments(text)
    properties: Mapping[str, Any] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    if not isinstance(value, dict):
        only = required[0] if len(required) == 1 else next(iter(properties)) if len(properties) == 1 else None
        if only is None or value is None or not _takes(value, value_schema(properties.get(only), schema)):
            raise ValueError("not an object")
        value = {only: value}
    return _object(_unwrapped(value, properties), schema, schema)


def _takes(value: Any, parameter: ValueSchema) -> bool:
    """Whether a bare list is what a parameter takes; other bare values are left to the check of types."""
    return not isinstance(value, list) or not parameter.types or "array" in parameter.types


def _object(value: Json, schema: Schema, root: Schema) -> Json:
    properties: Mapping[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    if others in (None, False):
        value = _renamed(value, properties)
    return {name: _converted(item, properties.get(name, others), root) for name, item in value.items()}


def _unwrapped(value: Json, properties: Mapping[str, Any]) -> Json:
    name, inner = next(iter(value.items()), ("", None))
    if len(value) != 1 or name in properties or name not in _WRAPPERS:
        return value
    if isinstance(inner, str):
        try:
            inner = read_arguments(inner)
        except ValueError:
            return value
    return inner if isinstance(inner, dict) else value


def _renamed(value: Json, properties: Mapping[str, Any]) -> Json:
    free = [name for name in properties if name not in value]
    renamed: Json = {}
    for name, item in value.items():
        target = name if name in properties else nearest_name(name, free)
        renamed[name if target is None or target in renamed else target] = item
    return renamed


def _converted(item: Any, schema: Any, root: Schema) -> Any:
    """A value in the type that its schema asks for, where it was only written in another way."""
    wanted = value_schema(schema, root)
    if isinstance(item, str):
        item = _from_text(item, wanted)
    if isinstance(item, dict) and wanted.members and "object" in wanted.types:
        return _object(item, wanted.members, root)
    if isinstance(item, list) and wanted.members and "items" in wanted.members:
        return [_converted(one, wanted.members["items"], root) for one in item]
    if isinstance(item, int | float) and not isinstance(item, bool):
        return _number(item, wanted)
    return item


def _number(item: int | float, wanted: ValueSchema) -> Any:
    kinds = set(wanted.types) - {"null"}
    if kinds == {"string"}:
        return str(item)
    if "integer" in kinds and "number" not in kinds and isinstance(item, float) and item.is_integer():
        return int(item)
    return item


def _from_text(text: str, wanted: ValueSchema) -> Any:
    """The value that a text stands for, if its schema allows no text or knows the choices."""
    kinds = set(wanted.types)
    if wanted.choices:
        if text in wanted.choices:
            return text
        same = [choice for choice in wanted.choices if choice is not None and _plain(str(choice)) == _plain(text)]
        if len(same) == 1:
            return same[0]
    if wanted.may_be_null and text.strip().lower() in ("null", "none"):
        return None
    if "string" in kinds or not kinds:
        return text
    if kinds & {"object", "array"} and text.strip()[:1] in ("{", "["):
        try:
            return read_arguments(text)
        except ValueError:
            return text
    for kind in ("integer", "number", "boolean"):
        if kind in kinds and (value := _typed(text, kind)) is not text:
            return value
    return text


def _typed(raw: str, wanted: object) -> Any:
    text = raw.strip()
    if wanted == "integer" and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if wanted == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I):
        return float(text)
    if wanted == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return raw
