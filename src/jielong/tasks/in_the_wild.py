"""`mini:in_the_wild[/zh][/GROUP]`: what people type, in their own words. No form of the generator was known to its
authors, and none of it is ever trained on.

`in_the_wild.jsonl` has an object a line: `id`, `language`, `group`, `messages`, and what is right in the words of the
group: `answer`, `intent`, `call`; `tools` and `schema` are sent with the request.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ..answers import RULES
from ..bounded_json import read_json
from ..contract import Message, Reply, ToolSpec
from ..world import conversation, facts
from ..world.vocabulary import SampleRandom
from .answer_equality import same_number
from .item import Item
from .metric import CheckMetric, Score

_INTENTS = {  # the intents of the world's small talk whose replies answer each
    "hello": ("hello", "here"), "thanks": ("thanks",), "bye": ("bye", "night"), "feeling": ("how_are_you",),
    "who": ("who", "self", "is_ai", "not_human"), "can": ("can", "maths", "languages", "world"), "help": ("help",),
    "how": ("how_made", "maker"),
}  # fmt: skip
_NOT_TOLD = re.compile(r"does not (?:tell|say)|没有(?:说|提)|not told", re.IGNORECASE)
_NOT_KNOWN = re.compile(r"\b(?:do not|don't|cannot|can't) (?:know|do)\b|不知道|做不到|不会", re.IGNORECASE)
_VERDICTS = (
    "true right correct yes 对 是 真 正确 真的 对的 是的".split(),
    "false wrong incorrect no 错 否 假 错误 假的 错的 不对 不是 不正确".split(),
)
MAX_EXTRA_CHARACTERS = 60  # of a reply in a sentence, beyond the answer itself


@cache
def _rows() -> tuple[dict[str, Any], ...]:
    text = files(__package__).joinpath("in_the_wild.jsonl").read_text("utf-8")
    return tuple(map(read_json, text.splitlines()))


def groups() -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["group"] for row in _rows()))


def in_the_wild_items(rng: SampleRandom, group: str) -> Iterator[Item]:
    """Those of one language, in an order that the seed decides."""
    rows = [row for row in _rows() if row["language"] == rng.language and group in ("", row["group"])]
    for row in rng.sample(rows, len(rows)):
        messages = tuple(Message(message["role"], message["content"]) for message in row["messages"])
        tools = tuple(ToolSpec(t["name"], t["description"], t["parameters"]) for t in row.get("tools", ()))
        yield Item(row["id"], messages, _accepted(row), tools=tools, schema=row.get("schema"))


def _accepted(row: Mapping[str, Any]) -> tuple[str, ...]:
    if intents := _INTENTS.get(row.get("intent", "")):
        return tuple(reply for intent in intents for reply in conversation.talk_replies(row["language"], intent))
    right = row["call"] if "call" in row else row["answer"]
    return (right if isinstance(right, str) else json.dumps(right, ensure_ascii=False, sort_keys=True),)


def _group(item: Item) -> str:
    return re.sub(r"_(?:en|zh)_\d+$", "", item.id)


# ---- what is right in each group ----


def _number(accepted: tuple[str, ...], reply: Reply) -> bool:
    found = RULES["number"](reply.text)
    return found is not None and same_number(found, accepted[0])


def _one_of(accepted: tuple[str, ...], reply: Reply) -> bool:
    return reply.text.strip() in accepted


def _value(accepted: tuple[str, ...], reply: Reply) -> bool:
    """The value, alone or in a short sentence, and no other value of its kind."""
    answer, text = accepted[0], reply.text.strip()
    if not _names(text, answer) or len(text) > len(answer) + MAX_EXTRA_CHARACTERS:
        return False
    return not any(_names(text, value) for value in _rivals(answer) if answer not in value and value not in answer)


def _names(text: str, value: str) -> bool:
    edge = r"\b" if value.isascii() else ""
    return re.search(rf"{edge}{re.escape(value)}{edge}", text, re.IGNORECASE) is not None


@cache
def _rivals(answer: str) -> frozenset[str]:
    """The other values of the relations that have this one."""
    kinds = [
        {value.text(language) for value in values}
        for values in facts.knowledge_base().values.values()
        for language in ("en", "zh")
    ]
    return frozenset().union(*(kind for kind in kinds if answer in kind)) - {answer}


def _told(accepted: tuple[str, ...], reply: Reply) -> bool:
    text = reply.text.strip()
    short = len(text) <= len(accepted[0]) + MAX_EXTRA_CHARACTERS
    return short and _names(text, accepted[0]) and not _NOT_TOLD.search(text)


def _not_told(_: tuple[str, ...], reply: Reply) -> bool:
    return _NOT_TOLD.search(reply.text) is not None


def _not_known(_: tuple[str, ...], reply: Reply) -> bool:
    return _NOT_KNOWN.search(reply.text) is not None


def _call(accepted: tuple[str, ...], reply: Reply) -> bool:
    """The right call and no other; texts of arguments are compared without case and outer marks."""
    expected = read_json(accepted[0])
    if expected is None:
        return reply.finish != "tool_calls"
    if reply.finish != "tool_calls" or len(reply.message.tool_calls) != 1:
        return False
    call = reply.message.tool_calls[0]
    try:
        arguments = read_json(call.arguments)
    except ValueError:
        return False
    return bool(call.name == expected["name"] and _plain(arguments) == _plain(expected["arguments"]))


def _object(accepted: tuple[str, ...], reply: Reply) -> bool:
    try:
        return bool(_plain(read_json(reply.text)) == _plain(read_json(accepted[0])))
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.strip(" .。,，?？!！\"'").casefold() if isinstance(value, str) else value


def _verdict(accepted: tuple[str, ...], reply: Reply) -> bool:
    said = reply.text.strip(" .。!！").casefold()
    return said in next(words for words in _VERDICTS if accepted[0].casefold() in words)


_CHECKS: dict[str, Callable[[tuple[str, ...], Reply], bool]] = {
    "problem": _number, "arithmetic": _number, "fact": _value, "follow_up": _value, "system": _value,
    "reading_told": _told, "reading_untold": _not_told, "tool": _call, "tool_none": _call, "first": _one_of,
    "outside": _not_known, "json": _object, "true_false": _verdict,
}  # fmt: skip


def _scored(item: Item, reply: Reply) -> Score:
    return Score(float(_CHECKS[_group(item)](item.accepted, reply)), reply.text.strip() or None)


IN_THE_WILD = CheckMetric("in_the_wild", _scored)
