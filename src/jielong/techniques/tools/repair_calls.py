"""What a clumsy model wrote as a call, mended where only one thing can be meant; everything else is told to the model.

Names: another spelling of one offered name (case, separators, a prefix such as `functions.`), or one that is clearly
nearer than all others. JSON: the known ways in which models miss it (fences, Python's literals, single or curly quotes,
comments, trailing commas, bare keys, JSON within a text, closing brackets forgotten). Arguments: one wrapped in another
object, the bare value of a single parameter, the nearest parameter name, JSON within a text, the case of a choice.

It guesses no values, and never a name that was not offered.
"""

import ast
import difflib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_PREFIX = re.compile(r"^(?:functions?|tools?|default_api|api)[.:/_-]+", re.I)
_WRAPPERS = ("arguments", "parameters", "args", "params", "input", "kwargs", "properties")
NEAR, CLEARLY = 0.75, 0.12  # how alike a name must be, and by how much more alike than the next one
LONGEST = 100_000  # characters of arguments that are looked at

Json = dict[str, Any]


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The offered name that can only be meant; None when there is none, or more than one."""
    names = list(dict.fromkeys(known))
    if name in names:
        return name
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
        if value is not _NOT_A_LITERAL:
            return value
    raise ValueError("not JSON")


_NOT_A_LITERAL = object()


def _candidates(text: str) -> Iterable[str]:
    """The text, and ever more mended readings of it."""
    candidate = text.strip() or "{}"
    yield candidate
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", candidate, re.S)
    candidate = fenced[1] if fenced else candidate
    yield candidate
    if candidate[:1] not in ("{", "[", '"') and "{" in candidate and candidate.endswith("}"):
        candidate = candidate[candidate.find("{") :]
        yield candidate
    for straight in dict.fromkeys((candidate, candidate.translate(_CURLY))):
        tidy = _normalised(straight)
        yield tidy
        yield _bare_keys(tidy)
        yield _closed(_bare_keys(tidy))


_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "，": ",", "：": ":"})
_LITERALS = {"True": "true", "False": "false", "None": "null"}
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>")?|[][(){}]', re.S)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.S)


def _normalised(text: str) -> str:
    """Without comments and trailing commas; with JSON's literals. What is within quotes stays as it is."""

    def normalised(part: str) -> str:
        part = re.sub(r"//[^\n]*|/\*.*?\*/|(?<=[\s{,])#[^\n]*", "", part, flags=re.S)
        part = re.sub(r"\b(?:True|False|None)\b", lambda literal: _LITERALS[literal[0]], part)
        return re.sub(r",(\s*[}\]])", r"\1", part)

    return _outside(text, normalised)


def _bare_keys(text: str) -> str:
    keyed = _outside(text, lambda part: re.sub(r"([{,]\s*)([A-Za-z_][\w-]*)(\s*:)", r'\1"\2"\3', part))

    def double_quoted(match: re.Match[str]) -> str:
        text = match[0][1:-1].replace("\\'", "'")
        return match[0] if match[0][0] == '"' else json.dumps(text, ensure_ascii=False)

    return _STRING.sub(double_quoted, keyed)


def _outside(text: str, change: Callable[[str], str]) -> str:
    """`change` applied to what is not within quotes."""
    parts, position = [], 0
    for match in _STRING.finditer(text):
        parts += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, change(text[position:])])


def _closed(text: str) -> str:
    """With the brackets that its end leaves open, if it ends with a whole value: what was cut off is not guessed."""
    text = text.rstrip()
    if not re.search(r'(?:["}\]]|\b(?:true|false|null))$', text):
        return text
    stack: list[str] = []
    for token in STRING_OR_BRACKET.finditer(text):
        unmatched = token[0] in ("}", "]") and (not stack or stack.pop() != token[0])
        if unmatched or (token[0][0] == '"' and not token["end"]):
            return text
        if token[0] in ("{", "["):
            stack.append("}" if token[0] == "{" else "]")
    return text + "".join(reversed(stack))


def _python(text: str) -> Any:
    """The value of a Python literal; `_NOT_A_LITERAL` if it is none."""
    try:
        value = ast.literal_eval(text)
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _NOT_A_LITERAL
    return value


def repair_arguments(text: str, schema: Mapping[str, Any]) -> Json:
    """What a model wrote as an object of the schema's parameters, as far as that can be told. Raises ValueError."""
    value = read_arguments(text)
    properties: Mapping[str, Any] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    if not isinstance(value, dict):
        only = required[0] if len(required) == 1 else next(iter(properties)) if len(properties) == 1 else None
        kind = properties[only].get("type") if only and isinstance(properties.get(only), dict) else None
        # A bare list must be what the parameter takes; other bare values are left to the check of types.
        if only is None or value is None or (isinstance(value, list) and kind not in ("array", None)):
            raise ValueError("not an object")
        value = {only: value}
    value = _unwrapped(value, properties)
    if schema.get("additionalProperties") in (None, False):
        value = _renamed(value, properties)
    return {name: _converted(item, properties.get(name)) for name, item in value.items()}


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


def _converted(item: Any, schema: Any) -> Any:
    """A value in the type that its schema asks for, where it was only written in another way."""
    wanted = schema if isinstance(schema, dict) else {}
    if isinstance(item, str):
        if wanted.get("type") in ("object", "array") and item.strip()[:1] in ("{", "["):
            try:
                return read_arguments(item)
            except ValueError:
                return item
        if "enum" in wanted and item not in wanted["enum"]:
            same = [one for one in wanted["enum"] if isinstance(one, str) and _plain(one) == _plain(item)]
            return same[0] if len(same) == 1 else item
        return _typed(item, wanted.get("type"))
    if wanted.get("type") == "string" and isinstance(item, int | float) and not isinstance(item, bool):
        return str(item)
    if wanted.get("type") == "integer" and isinstance(item, float) and item.is_integer():
        return int(item)
    return item


def _typed(raw: str, wanted: object) -> Any:
    text = raw.strip()
    if wanted == "integer" and re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if wanted == "number" and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I):
        return float(text)
    if wanted == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return raw
