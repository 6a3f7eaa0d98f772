"""A second reading of statements about the map: from the two numbers of each town, whatever the generator says."""

# ruff: noqa: E501
import re

from jielong.world.towns_map import towns
from world.evaluate_facts import DENIED, NAME

_HAN_DIRECTION = "东北|西北|东南|西南|东|西|南|北"
_POINTS = {town.name.text(language): (town.x, town.y) for town in towns() for language in ("en", "zh")}  # type: ignore[arg-type]
_LETTERS = {"东": "east", "西": "west", "南": "south", "北": "north"}


def holds(text: str) -> bool:
    """Whether a sentence about towns is true."""
    names = _names(text)
    untrue = re.search(
        r"untrue|not true|not so|not the case|false|wrong|incorrect|说.*(不是真的|不对|不是事实|是假的|是错的|不符合事实)",
        text,
    )
    far = re.search(r"not as far|没有.{2,3}那么[靠偏]|No (?:other )?town is as|没有(?:哪个|别的)城镇", text)
    denied = bool(untrue) or bool(DENIED.search(text) and not far)
    return _positive(text, names, bool(far)) != denied


def _names(text: str) -> list[str]:
    if re.search("[A-Za-z]", text):
        return [name for name in re.findall(rf"\b{NAME}\b", text) if name in _POINTS]
    names = "|".join(sorted((name for name in _POINTS if not name.isascii()), key=len, reverse=True))
    return re.findall(names, text)


def _distance(one: str, other: str) -> int:
    return sum(abs(a - b) for a, b in zip(_POINTS[one], _POINTS[other], strict=True))


def _positive(text: str, names: list[str], far: bool) -> bool:
    if hours := re.search(r"(\d+) hours|(\d+)小时", text):
        return max(1, round(_distance(names[0], names[1]) / 10)) == int(hours[1] or hours[2])
    if re.search(r"nearest|closest|next town|No (?:other )?town is as|最近|近邻|没有(?:哪个|别的)城镇", text):
        flipped = re.match(rf"{NAME} (?:is|isn't|is not) the|没有|\w{{2,3}}(?:是|不是|并不是|并非)离", text)
        of, said = (names[1], names[0]) if flipped else (names[0], names[1])
        if re.match("No (?:other )?town", text):
            of, said = names[0], names[1]
        return min((n for n in _same_script(of) if n != of), key=lambda n: _distance(of, n)) == said
    if re.search(r"nearer|closer|further|farther|less far|shorter way|离|距|近|远", text) and len(set(names)) == 3:
        return _nearer(text, names)
    direction = _direction(text)
    if re.search(r"further|farther|more to|^Of|as far|更[靠偏]|那么[靠偏]", text):
        one, other = (names[1], names[0]) if far else (names[0], names[1])
        return _lies(one, other, direction)
    from_first = re.match(
        r"(?:Seen from (?!above)|From|For a|Starting|To the|Whoever|Anyone|The way|The road|The path|Go\b|Walk|Travel|Ride)"
        rf"|{NAME} has|从(?!高处)|在(?!地图).{{2,3}}看来|站在|对.{{2,3}}来说|由|去|.{{2,3}}的\w{{1,2}}边[是有坐可就]",
        text,
    )
    one, other = (names[1], names[0]) if from_first else (names[0], names[1])
    if text.startswith("去"):
        one, other = names[0], names[1]
    return _lies(one, other, direction)


def _same_script(name: str) -> list[str]:
    return [other for other in _POINTS if other.isascii() == name.isascii()]


def _direction(text: str) -> str:
    words = re.findall(r"(?:north|south)?-?(?:east|west)|north|south", re.sub(NAME, "", text))
    if words:
        return words[0].replace("-", "")
    chinese = re.findall(rf"(?:{_HAN_DIRECTION})(?=边)|(?<=[靠偏])(?:{_HAN_DIRECTION})", text)[0]
    return "".join(_LETTERS[letter] for letter in sorted(chinese, key="北南东西".index))


def _lies(one: str, other: str, direction: str) -> bool:
    dx, dy = (a - b for a, b in zip(_POINTS[one], _POINTS[other], strict=True))
    signs = {"north": dy > 0, "south": dy < 0, "east": dx > 0, "west": dx < 0}
    return all(right for word, right in signs.items() if word in direction)


def _nearer(text: str, names: list[str]) -> bool:
    first, second, third = names[:3]
    if re.match(
        rf"{NAME} (?:is|isn't|is not) (?:further|farther)|.{{2,3}}比.{{2,3}}离.{{2,3}}[更远]", text
    ) and re.search("further|farther|远", text):
        of, near, far = (second, third, first) if text.isascii() else (third, second, first)
    elif re.match(r"Of|\w{2,3}和", text):
        of, near = names[-1], first
        far = second
    elif re.match(rf"{NAME} (?:is|isn't|is not) (?:nearer|closer) to {NAME} than {NAME} is", text):
        of, near, far = second, first, third
    elif re.match(r"[^离距从对在]{2,3}(?:不比|并不比|比)", text):
        of, near, far = third, first, second
    else:
        of, near, far = first, second, next(n for n in names if n not in (first, second))
    return _distance(of, near) < _distance(of, far)
