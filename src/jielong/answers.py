"""Answer rules: what counts as the answer in a text. Each gives a canonical text, or None: never a guess.

All rules look at the reply without its `<think>` part; a thought that never ends is a truncated reply and holds no
answer. Where a text marks its answer (`\\boxed{}`, "Answer:", "####", "答案是", `**…**` on the last line) that part is
read first, and the last mark counts, as people correct themselves forwards.
"""

from __future__ import annotations

import json as _json
import re
from collections.abc import Mapping

from .contract import AnswerRule
from .numerals import NUMBER, canonical, normalised, value

_MARK = re.compile(
    r"####|(?:the\s+)?(?:final\s+|correct\s+|right\s+)?(?:answer|result|solution|choice|option)"
    r"\s*(?:\*\*)?\s*(?:is\s*:?|are\s*:?|would be|should be|:|=|：)"
    r"|(?:最终|正确|最后)?(?:的)?(?:答案|结果|选项)\s*(?:应该|应)?\s*(?:是|为|选)?\s*[:：]?|故选|应选|所以选|因此选|选择?\s*[:：]?(?=\s*[(（]?[A-JＡ-Ｊ])",
    re.I,
)
_NOT = re.compile(r"\s*(?:not|不是|isn't)\b.{0,40}?\b(?:but|而是)\s*", re.I)
_YES = re.compile(r"\b(yes|true|correct|right)\b|(正确|没错|是的|对的|真|是|对)", re.I)
_NO = re.compile(
    r"\b(no|false|incorrect|wrong|untrue)\b|\bnot\s+(?:correct|true|right)\b|(不正确|不对|不是|错误|错的|错|假|否|没有)",
    re.I,
)
_LETTER = re.compile(r"(?<![A-Za-z0-9'’])\(?\**([A-J])\**\)?(?![A-Za-z0-9'’+*/^=])")


def _said(text: str) -> str | None:
    """The text without thoughts; None when a thought was cut off."""
    shown = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", "", text, flags=re.S)
    if re.search(r"<think(?:ing)?>", shown):
        return None
    return shown.rpartition("</think>")[2]


def boxed(text: str, /) -> str | None:
    """What stands in the last `\\boxed{…}`, with balanced braces."""
    shown = _said(text)
    at = -1 if shown is None else shown.rfind("\\boxed{")
    if shown is None or at < 0:
        return None
    depth = 0
    for i in range(at + 6, len(shown)):
        depth += (shown[i] == "{") - (shown[i] == "}")
        if depth == 0:
            return shown[at + 7 : i].strip() or None
    return None


def _marked(shown: str) -> list[str]:
    """The places where the text says that its answer follows, the last one first."""
    places = []
    for found in reversed(list(_MARK.finditer(shown))[-8:]):
        rest = shown[found.end() :]
        rest = rest[len(negation[0]) :] if (negation := _NOT.match(rest)) else rest
        first = next((line for line in rest.splitlines() if line.strip()), "")
        places.append(first.strip())
    return places


def _numbers(text: str) -> list[str]:
    plain = re.sub(r"(?<=\d)\s*[*_]+|[*_]+\s*(?=[$\d-])", " ", normalised(text))
    found = []
    for match in NUMBER.finditer(plain):
        number = value(match[0])
        if number is not None and not (match[0] in ("一", "两", "万", "十") and not _alone(plain, match[0])):
            found.append(canonical(number))
    return found


def _alone(text: str, numeral: str) -> bool:
    return text.strip().strip("。.") == numeral


def number(text: str, /) -> str | None:
    """The number that the text gives as its answer, canonical: `1,234.50 €` is `1234.5`, 三百二十一 is `321`."""
    shown = _said(text)
    if shown is None:
        return None
    if (box := boxed(shown)) is not None and (found := _numbers(box)):
        return found[-1]
    for place in _marked(shown):
        if found := _numbers(place):
            return _conclusion(place, found)
    if bold := re.findall(r"\*\*([^*\n]{1,60})\*\*", shown):
        for piece in reversed(bold):
            if found := _numbers(piece):
                return found[-1]
    found = _numbers(shown)
    return found[-1] if found else None


def _conclusion(place: str, found: list[str]) -> str:
    """After "the answer is": the last part of an equation, else the first number."""
    if "=" in place:
        after = _numbers(place.rpartition("=")[2])
        return after[0] if after else found[-1]
    return found[0]


def choice(text: str, /) -> str | None:
    """The letter A to J that the text chooses."""
    shown = _said(text)
    if shown is None:
        return None
    shown = normalised(shown)
    if (box := boxed(shown)) is not None:
        inner = re.sub(r"\\text\w*\{([^}]*)\}", r"\1", box)
        letters = _LETTER.findall(inner)
        return letters[0] if len(set(letters)) == 1 else None
    for place in _marked(shown):
        if letters := _LETTER.findall(place[:80]):
            return None if re.match(r"\W*[A-J]\s*(?:,|and|or|和|或|、|/|&)\s*\(?[A-J]\b", place) else str(letters[0])
        if re.match(r"\W*[A-J]{2,}\b", place):
            return None
    lone = re.fullmatch(r"\W*([A-J])\W*", shown.strip()) or re.match(r"\W*([A-J])\s*[.):：、]", shown.strip())
    if lone:
        return lone[1]
    last = [line for line in shown.splitlines() if line.strip()][-1:] or [""]
    strict = re.findall(
        r"\(([A-J])\)|\*\*\(?([A-J])\)?(?:[.):][^*]*)?\*\*|(?<![A-Za-z])([B-HJ])(?=[\s.,;)。]|$)", last[0]
    )
    letters = [letter for group in strict for letter in group if letter]
    return letters[-1] if letters and len(set(letters)) == 1 else None


def yes_no(text: str, /) -> str | None:
    """`yes` or `no`: the last decisive word after the last mark or, without one, of the text; else its first word."""
    shown = _said(text)
    if shown is None:
        return None
    for place in [*_marked(shown)[:1], *[line for line in reversed(shown.splitlines()) if line.strip()][:1], shown]:
        if verdict := _verdict(place):
            return verdict
    return None


def _verdict(text: str) -> str | None:
    nos = [(found.start(), found.end()) for found in _NO.finditer(text)]
    yeses = [found.start() for found in _YES.finditer(text)]
    yeses = [at for at in yeses if not any(start <= at < end for start, end in nos)]
    if not nos and not yeses:
        return None
    opening = re.match(r"\W*(yes|no|true|false|是|否|对|错)(?:\b|[，,。.：:]|的)", text, re.I)
    if opening and not re.search(r"\bso\s+(?:yes|no)\b", text, re.I):
        return "no" if opening[1].lower() in ("no", "false", "否", "错") else "yes"
    last_no = max((start for start, _ in nos), default=-1)
    return "no" if last_no > max(yeses, default=-1) else "yes"


def exact(text: str, /) -> str | None:
    """The whole reply, or what follows its last "Answer:"; stripped of quotes and a final full stop."""
    shown = _said(text)
    if shown is None:
        return None
    places = _marked(shown)
    answer = boxed(shown) or (places[0] if places and places[0] else shown)
    return re.sub(r"\s+", " ", answer.strip().strip("*`\"'“”。").removesuffix(".").strip()) or None


def contains(text: str, /) -> str | None:
    """The whole reply: whether an accepted answer occurs in it is for the metric."""
    shown = _said(text)
    return (shown.strip() or None) if shown is not None else None


def json(text: str, /) -> str | None:
    """The last complete JSON object or array, else a whole reply that is JSON; keys sorted."""
    shown = _said(text)
    if shown is None:
        return None
    try:
        return _canonical_json(_json.loads(shown))
    except (ValueError, RecursionError):
        pass
    decoder, end, found = _json.JSONDecoder(), 0, None
    for opening in list(re.finditer(r"[\[{]", shown))[:2000]:
        if opening.start() < end:
            continue
        try:
            found, end = decoder.raw_decode(shown, opening.start())
        except (ValueError, RecursionError):
            continue
    return None if found is None else _canonical_json(found)


def _canonical_json(parsed: object) -> str:
    return _json.dumps(parsed, sort_keys=True, ensure_ascii=False)


def code(text: str, /) -> str | None:
    """The last fenced block, else the whole reply if it is more than prose; its indentation is kept."""
    shown = _said(text)
    if shown is None:
        return None
    blocks = re.findall(r"```[^\n`]*\n(.*?)(?:\n)?```", shown, re.S)
    if blocks:
        return str(blocks[-1]) or None
    inline = re.fullmatch(r"\s*`([^`\n]+)`\s*", shown)
    if inline:
        return inline[1]
    bare = shown.strip("\n")
    looks_like_code = re.search(
        r"^\s*(?:def |class |return\b|import |from |for |while |if |print\(|\w+\s*=)|[-+*/()\d]", bare, re.M
    )
    return (bare.rstrip() or None) if looks_like_code else None


def final_answer(text: str, /) -> str | None:
    """The rule of votes on tasks of unknown kind: box, marked answer, number, choice, yes or no, one short line."""
    if (box := boxed(text)) is not None:
        found = _numbers(box)
        return found[-1] if len(found) == 1 else re.sub(r"\s+", " ", box)
    shown = _said(text)
    if shown is None:
        return None
    for place in _marked(shown):
        if found := _numbers(place):
            return _conclusion(place, found)
        if place.strip("*. "):
            return exact(place)
    if (verdict := number(shown)) is not None:
        return verdict
    short = shown.strip()
    if len(short) <= 60 and "\n" not in short:
        return choice(short) or yes_no(short) or exact(short)
    return choice(shown) or yes_no(shown)


RULES: Mapping[str, AnswerRule] = {
    rule.__name__: rule for rule in (number, choice, exact, contains, json, code, yes_no, final_answer, boxed)
}
