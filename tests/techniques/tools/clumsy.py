"""How models miss the form of a call, each with what was meant: the known ways, and some that cannot be told."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
Clumsy = Callable[[str, Json, random.Random], tuple[str, str] | None]  # None: this call cannot be spoilt so


def _text(arguments: Json) -> str:
    return json.dumps(arguments, ensure_ascii=False)


def _camel(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    parts = name.split("_")
    camel = parts[0] + "".join(part.capitalize() for part in parts[1:])
    return (camel, _text(arguments)) if camel != name else None


def _typo(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    if len(name) < 6:
        return None
    at = chance.randrange(1, len(name) - 1)
    return (name[:at] + name[at + 1 :], _text(arguments))


def _parameter_typo(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    long = [key for key in arguments if len(key) > 5]
    if not long:
        return None
    key = chance.choice(long)
    wrong = key[:2] + key[3:]
    return (name, _text({(wrong if k == key else k): v for k, v in arguments.items()}))


def _unclosed(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    whole = not isinstance(list(arguments.values())[-1:] and list(arguments.values())[-1], int | float)
    return (name, _text(arguments)[:-1]) if whole else None


def _bare_keys(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    plain = all(key.isidentifier() for key in arguments)
    said = ", ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in arguments.items())
    return (name, "{" + said + "}") if plain and arguments else None


def _curly(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    said = _text(arguments)
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in arguments.values()):
        return None
    return (name, said.replace('"', "“", 1).replace('"', "”", 1) if arguments else said)


def _numbers_as_texts(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    told = {k: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for k, v in arguments.items()}
    return (name, _text(told)) if told != arguments else None


def _lists_as_texts(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    told = {k: _text(v) if isinstance(v, list | dict) else v for k, v in arguments.items()}
    return (name, _text(told)) if told != arguments else None


KINDS: Mapping[str, Clumsy] = {
    "other case and separators": _camel,
    "a letter left out of the name": _typo,
    "a prefix": lambda n, a, _: (f"functions.{n}", _text(a)),
    "a letter left out of a parameter": _parameter_typo,
    "a fence": lambda n, a, _: (n, f"```json\n{json.dumps(a, indent=2, ensure_ascii=False)}\n```"),
    "Python's literals": lambda n, a, _: (n, repr(a)),
    "a trailing comma": lambda n, a, _: (n, _text(a)[:-1] + ",}") if a else None,
    "an open bracket": _unclosed,
    "bare keys": _bare_keys,
    "curly quotes": _curly,
    "a comment": lambda n, a, _: (n, _text(a)[:-1] + " // as asked\n}"),
    "JSON within a text": lambda n, a, _: (n, json.dumps(_text(a))),
    "wrapped once more": lambda n, a, _: (n, _text({"arguments": a})),
    "numbers as texts": _numbers_as_texts,
    "lists as texts": _lists_as_texts,
    "words before it": lambda n, a, _: (n, f"Here are the arguments: {_text(a)}"),
}


def _both(first: str, second: str) -> Clumsy:
    """A name spoilt in one way, arguments in another."""

    def spoil(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
        named, said = KINDS[first](name, arguments, chance), KINDS[second](name, arguments, chance)
        return (named[0], said[1]) if named and said else None

    return spoil


def _cut(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    said = _text(arguments)
    return (name, said[: chance.randrange(len(said) // 2, len(said))]) if arguments else None


def _two_letters(name: str, arguments: Json, chance: random.Random) -> tuple[str, str] | None:
    once = _typo(name, arguments, chance)
    return _typo(once[0], arguments, chance) if once else None


HARD: Mapping[str, Clumsy] = {
    "a typo and Python's literals": _both("a letter left out of the name", "Python's literals"),
    "a prefix and a fence": _both("a prefix", "a fence"),
    "two letters left out of the name": _two_letters,
    "cut off": _cut,
    "values in a list": lambda n, a, _: (n, _text(list(a.values()))),  # type: ignore[arg-type]
    "tags": lambda n, a, _: (n, "".join(f"<{k}>{v}</{k}>" for k, v in a.items())),
    "prose": lambda n, a, _: (n, " and ".join(f"the {k} is {v}" for k, v in a.items())),
}
