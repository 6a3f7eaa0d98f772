"""What a JSON schema says of one value, behind `$ref`, `allOf` and alternatives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

Schema = Mapping[str, Any]
MAX_DEPTH = 8  # of references; a schema may refer to itself
MAX_FORMS = 200  # that are looked at: each choice within a choice multiplies them


@dataclass(frozen=True, slots=True)
class ValueSchema:
    """`types` and `choices` of all alternatives together, empty where anything goes; `nested`: those with members."""

    types: tuple[str, ...]
    choices: tuple[Any, ...]
    nested: tuple[Schema, ...]
    description: str

    @property
    def may_be_null(self) -> bool:
        return "null" in self.types

    @property
    def members(self) -> Schema | None:
        """The only alternative with members: an object or a list, if there is one."""
        return self.nested[0] if len(self.nested) == 1 else None


def value_schema(schema: Any, root: Schema) -> ValueSchema:
    """`root` holds the definitions. What cannot be read says nothing."""
    types: dict[str, None] = {}
    choices: list[Any] = []
    nested: list[Schema] = []
    alternatives = list(_alternatives(schema, root, 0, [MAX_FORMS]))
    for one in alternatives:
        listed = [one["const"]] if "const" in one else one.get("enum")
        if isinstance(listed, list):
            choices += [choice for choice in listed if choice not in choices]
        kind = one.get("type")
        own = kind if isinstance(kind, list) else [kind] if kind else sorted({_type_of(c) for c in listed or ()})
        types |= dict.fromkeys(map(str, own))
        if "properties" in one or "items" in one or isinstance(one.get("additionalProperties"), Mapping):
            nested.append(one)
    free = [one for one in alternatives if "const" not in one and "enum" not in one and one.get("type") != "null"]
    described = [one["description"] for one in alternatives if isinstance(one.get("description"), str)]
    return ValueSchema(tuple(types), () if free else tuple(choices), tuple(nested), described[0] if described else "")


def _alternatives(schema: Any, root: Schema, depth: int, left: list[int]) -> list[Schema]:
    """Every form that a value may have, each with all that is said of it; `left` counts down to where it ends."""
    left[0] -= 1
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH or left[0] < 0:
        return [{}]
    own = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf", "oneOf")}
    forms: list[Schema] = [own]
    if isinstance(schema.get("$ref"), str):
        forms = [{**one, **own} for one in _alternatives(_resolved(schema["$ref"], root), root, depth + 1, left)]
    for part in _listed(schema, "allOf"):
        more = _alternatives(part, root, depth + 1, left)
        forms = list(islice(({**one, **form} for form in forms for one in more), MAX_FORMS))
    for key in ("anyOf", "oneOf"):
        if options := _listed(schema, key):
            among = [one for option in options for one in _alternatives(option, root, depth + 1, left)]
            forms = list(islice(({**form, **one} for form in forms for one in among), MAX_FORMS))
    return forms


def _listed(schema: Schema, key: str) -> list[Any]:
    parts = schema.get(key)
    return parts[:MAX_FORMS] if isinstance(parts, list) else []


def _resolved(reference: str, root: Schema) -> Any:
    value: Any = root
    for key in reference.removeprefix("#").strip("/").split("/"):
        key = key.replace("~1", "/").replace("~0", "~")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", type(None): "null", list: "array", dict: "object"}
    return names.get(type(value), "string")


def type_text(schema: Any, root: Schema, depth: int = 0) -> str:
    """`integer`, `"a" | "b"`, `array of string`, `{city: string, days?: integer}`: for descriptions in plain text."""
    value = value_schema(schema, root)
    if value.choices:
        return " | ".join(json.dumps(choice, ensure_ascii=False) for choice in value.choices if choice is not None)
    names = [_named(kind, value, root, depth) for kind in value.types if kind != "null"]
    return " | ".join(names)


def _named(kind: str, value: ValueSchema, root: Schema, depth: int) -> str:
    members = next((one for one in value.nested if one.get("type", kind) == kind), None)
    if members is None or depth > 2:
        return kind
    if kind == "array":
        items = type_text(members.get("items"), root, depth + 1)
        return f"array of {items}" if items else kind
    if kind == "object" and isinstance(members.get("properties"), Mapping) and members["properties"]:
        needed = members.get("required", ())
        needed = needed if isinstance(needed, list | tuple) else ()
        parts = [
            parameter_text(name, one, name in needed, root, depth + 1) for name, one in members["properties"].items()
        ]
        return "{" + ", ".join(parts) + "}"
    return kind


def parameter_text(name: str, schema: Any, needed: bool, root: Schema, depth: int = 0) -> str:
    """`name: type (description)`, with a question mark where it may be left out."""
    types, described = type_text(schema, root, depth), value_schema(schema, root).description
    return f"{name}{f': {types}' if types else ''}{f' ({described})' if described else ''}{'' if needed else '?'}"
