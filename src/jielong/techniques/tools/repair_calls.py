"""What a clumsy model wrote as a call, mended where only one thing can be meant; everything else is told to the model.

Names: another spelling of one offered name (case, separators, a prefix such as `functions.`), or one that is clearly
nearer than all others. JSON: the known ways in which models miss it (fences, Python's literals, single or curly quotes,
comments, trailing commas, bare keys, JSON within a text, closing brackets forgotten). Arguments: one wrapped in another
object, the bare value of a single parameter, the nearest parameter name, JSON within a text, the case of a choice.

It guesses no values, and never a name that was not offered.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_PREFIX = re.compile(r"^(?:functions?|tools?|default_api|api)[.:/_-]+", re.I)
_WRAPPERS = ("arguments", "parameters", "args", "params", "input", "kwargs", "properties")
NEAR, CLEARLY = 0.75, 0.12  # how alike a name must be, and by how much more alike than the next one
LONGEST = 100_000  # characters of arguments that are looked at

Json = dict[str, Any]


def nearest(name: str, offered: Iterable[str]) -> str | None:
    """The offered name that can only be meant; None when there is none, or more than one."""
    names = list(dict.fromkeys(offered))
    if name in names:
        return name
    for plain in (_plain(name), _plain(_PREFIX.sub("", name))):
        same = [one for one in names if _plain(one) == plain]
        if len(same) == 1:
            return same[0]
        if same:
            return None
    if len(_plain(name)) < 3:
        return None
    likeness = sorted(((_alike(name, one), one) for one in names), reverse=True)
    if not likeness or likeness[0][0] < NEAR:
        return None
    if len(likeness) > 1 and likeness[0][0] - likeness[1][0] < CLEARLY:
        return None
    return likeness[0][1]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _alike(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, _plain(a), _plain(b), autojunk=False).ratio()


def read_arguments(text: str) -> Any:
    """The JSON value that was meant. Raises ValueError when it cannot be told."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters")
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            value = _python(candidate)
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            return read_arguments(value)
        if value is not _NOTHING:
            return value
    raise ValueError("not JSON")


_NOTHING = object()


def _candidates(text: str) -> Iterable[str]:
    """The text, and ever more mended readings of it."""
    said = text.strip() or "{}"
    yield said
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", said, re.S)
    said = fenced[1] if fenced else said
    yield said
    if said[:1] not in ("{", "[", '"') and (start := said.find("{")) >= 0 and said.rstrip().endswith("}"):
        said = said[start:]
        yield said
    for straight in dict.fromkeys((said, said.translate(_CURLY))):
        tidy = _tidied(straight)
        yield tidy
        yield _bare_keys(tidy)
        yield _closed(_bare_keys(tidy))


_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "，": ",", "：": ":"})
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.S)


def _tidied(text: str) -> str:
    """Without comments and trailing commas; with JSON's literals. What is within quotes stays as it is."""
    return _outside(
        text, lambda part: _literals(re.sub(r"//[^\n]*|/\*.*?\*/|(?<=[\s{,])#[^\n]*", "", part, flags=re.S))
    )


def _literals(part: str) -> str:
    for python, value in (("True", "true"), ("False", "false"), ("None", "null")):
        part = re.sub(rf"\b{python}\b", value, part)
    return re.sub(r",(\s*[}\]])", r"\1", part)


def _bare_keys(text: str) -> str:
    keyed = _outside(text, lambda part: re.sub(r"([{,]\s*)([A-Za-z_][\w-]*)(\s*:)", r'\1"\2"\3', part))
    return _STRING.sub(_double_quoted, keyed)


def _double_quoted(found: re.Match[str]) -> str:
    said = found[0]
    if said[0] == '"':
        return said
    return json.dumps(said[1:-1].replace("\\'", "'"), ensure_ascii=False)


def _outside(text: str, change: Any) -> str:
    """`change` applied to what is not within quotes."""
    parts, at = [], 0
    for found in _STRING.finditer(text):
        parts += [change(text[at : found.start()]), found[0]]
        at = found.end()
    whole = "".join([*parts, change(text[at:])])
    return re.sub(r",(\s*[}\]])", r"\1", whole) if not _STRING.search(text) else whole


def _closed(text: str) -> str:
    """With the brackets that its end leaves open, if it ends with a whole value: what was cut off is not guessed."""
    text = text.rstrip()
    if not re.search(r'(?:["}\]]|\b(?:true|false|null))$', text):
        return text
    stack: list[str] = []
    quoted = escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "{[":
            stack.append("}" if character == "{" else "]")
        elif character in "}]" and (not stack or stack.pop() != character):
            return text
    return text if quoted else text + "".join(reversed(stack))


def _python(text: str) -> Any:
    """The value of a Python literal; `_NOTHING` if it is none."""
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _NOTHING
    return value


def understood(text: str, schema: Mapping[str, Any]) -> Json:
    """The arguments that a model wrote as an object of the schema's parameters. Raises ValueError."""
    return fitted(read_arguments(text), schema)


def fitted(value: Any, schema: Mapping[str, Any]) -> Json:
    """The arguments as an object of the schema's parameters, as far as that can be told. Raises ValueError."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    if not isinstance(value, dict):
        only = required[0] if len(required) == 1 else next(iter(properties)) if len(properties) == 1 else None
        if only is None or value is None or not _of_type(value, properties.get(only)):
            raise ValueError("not an object")
        value = {only: value}
    value = _unwrapped(value, properties)
    if schema.get("additionalProperties") in (None, False):
        value = _renamed(value, properties)
    return {name: _mended(said, properties.get(name)) for name, said in value.items()}


def _of_type(value: Any, schema: Any) -> bool:
    """Whether a bare list is what a parameter takes; other bare values are left to the check of types."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    return not isinstance(value, list) or kind in ("array", None)


def _unwrapped(value: Json, properties: Mapping[str, Any]) -> Json:
    if len(value) != 1:
        return value
    name, inner = next(iter(value.items()))
    if name in properties or name not in _WRAPPERS:
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
    for name, said in value.items():
        meant = name if name in properties else nearest(name, free)
        if meant is None or meant in renamed:
            renamed[name] = said
        else:
            renamed[meant] = said
    return renamed


def _mended(said: Any, schema: Any) -> Any:
    """A value in the type that its schema asks for, where it was only written in another way."""
    wanted = schema if isinstance(schema, dict) else {}
    if isinstance(said, str):
        if wanted.get("type") in ("object", "array") and said.strip()[:1] in ("{", "["):
            try:
                return read_arguments(said)
            except ValueError:
                return said
        if "enum" in wanted and said not in wanted["enum"]:
            same = [one for one in wanted["enum"] if isinstance(one, str) and _plain(one) == _plain(said)]
            return same[0] if len(same) == 1 else said
        return _typed(said, wanted.get("type"))
    if wanted.get("type") == "string" and isinstance(said, int | float) and not isinstance(said, bool):
        return str(said)
    if wanted.get("type") == "integer" and isinstance(said, float) and said.is_integer():
        return int(said)
    return said


def _typed(said: str, wanted: object) -> Any:
    text = said.strip()
    if wanted == "integer" and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if wanted == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I):
        return float(text)
    if wanted == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return said
