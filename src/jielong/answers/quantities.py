"""Quantities in two units are one number: 6 hours 30 minutes is 6.5 (hours), or 390 (minutes); 5元8角 is 5.8 (元)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

_FAMILIES = (  # the units of one kind, each with how many of it make the one before
    ((1, "w wk wks week weeks 周"), (7, "d day days 天"), (24, "h hr hrs hour hours 小时 个小时"),
     (60, "m min mins minute minutes 分 分钟"), (60, "s sec secs second seconds 秒 秒钟")),
    ((1, "yd yard yards 码"), (3, "ft foot feet 英尺"), (12, "in inch inches 英寸")),
    ((1, "km kilometer kilometers kilometre kilometres 公里 千米"), (1000, "m meter meters metre metres 米"),
     (100, "cm centimeter centimeters centimetre centimetres 厘米"), (10, "mm 毫米")),
    ((1, "kg kilo kilos kilogram kilograms 千克 公斤"), (1000, "g gram grams 克")),
    ((1, "lb lbs pound pounds"), (16, "oz ounce ounces")),
    ((1, "l liter liters litre litres 升"), (1000, "ml 毫升")),
    ((1, "$ dollar dollars euro euros"), (100, "cent cents")),
    ((1, "元 块"), (10, "角 毛"), (10, "分")),
)  # fmt: skip


def _levels() -> dict[str, dict[int, int]]:
    """The level of each unit in the kinds that have it: "m" is in two."""
    levels: dict[str, dict[int, int]] = {}
    for i, family in enumerate(_FAMILIES):
        for j, (_, names) in enumerate(family):
            for name in names.split():
                levels.setdefault(name, {})[i] = j
    return levels


_UNITS = _levels()
_WORD = re.compile(
    rf"[ -]?([A-Za-z]{{1,11}}|{'|'.join(sorted((u for u in _UNITS if not u.isascii()), key=len, reverse=True))})"
)


@dataclass(frozen=True, slots=True)
class NumberMatch:
    """A number in a text: where it stands, and its value; a percentage counts in percent.

    `also` is the value of the same quantity in its smaller unit.
    """

    start: int
    end: int
    value: Fraction
    percent: bool = False
    also: Fraction | None = None

    def __str__(self) -> str:
        return canonical(self.value) + "%" * self.percent


def _units(text: str, number: NumberMatch) -> tuple[int, Mapping[int, int]]:
    """Where the unit of this number ends, and its level in each kind that has it."""
    if re.search("[$€£]", text[number.start : number.end]):
        return number.end, _UNITS["$"]
    word = _WORD.match(text, number.end)
    levels = _UNITS.get(word[1].lower()) if word else None
    return (word.end(), levels) if word and levels else (number.end, {})


_JOINT = re.compile(r",? and |, | |又|零|")


def merged(text: str, numbers: Sequence[NumberMatch]) -> list[NumberMatch]:
    """The numbers, with those that are parts of one quantity made one."""
    if len(numbers) < 2:
        return list(numbers)
    result: list[NumberMatch] = []
    open_until = -1  # where the unit of the last one in the result ends
    levels: Mapping[int, int] = {}
    smaller = 1
    for number in numbers:
        end, units = _units(text, number)
        joint = _JOINT.match(text, open_until) if open_until >= 0 else None
        family = next((f for f, level in units.items() if levels.get(f) == level - 1), None)
        if result and joint and joint.end() == number.start and family is not None and not number.percent:
            factor = _FAMILIES[family][units[family]][0]
            whole = result[-1]
            smaller *= factor
            value = whole.value + number.value / smaller
            result[-1] = replace(whole, end=end, value=value, also=value * smaller)
            levels = {family: units[family]}
        else:
            result.append(number)
            smaller, levels = 1, units
        open_until = end if units else -1
    return result


def same_quantity(text: str, a: NumberMatch, b: NumberMatch, text_of_b: str | None = None) -> bool:
    """Whether two numbers with units of one kind are the same amount: 1.5 hours and 90 minutes."""
    of_a, of_b = _units(text, a)[1], _units(text_of_b or text, b)[1]
    for family in of_a.keys() & of_b.keys():
        high, low = sorted((of_a[family], of_b[family]))
        factor = Fraction(1)
        for level in range(high + 1, low + 1):
            factor *= _FAMILIES[family][level][0]
        if (a.value * factor == b.value) if of_a[family] <= of_b[family] else (b.value * factor == a.value):
            return True
    return False


def canonical(number: Fraction) -> str:
    """How a number is written in ballots: 3/2 and 1.5 and 1 1/2 are all `1.5`, 1/3 is `1/3`."""
    if number.denominator == 1:
        return str(number.numerator)
    rest, twos, fives = number.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{number.numerator}/{number.denominator}"
    places = max(twos, fives)
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    return f"{'-' * (number < 0)}{digits[:-places]}.{digits[-places:]}"
