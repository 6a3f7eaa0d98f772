"""Numbers as people write them, as exact fractions: 1,234 · 3/4 · 1 1/2 · 5% · 2.5e3 · 三百二十一 · 百分之五."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2, "壹": 1, "贰": 2, "叁": 3}
UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN = "".join([*DIGITS, *UNITS, *MYRIADS])

_GROUPED = r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d{1,3}(?:[   ]\d{3})+(?!\d)"
_PLAIN = rf"(?:{_GROUPED}|\d+)(?:\.\d+)?|\.\d+"
_DECIMAL = rf"(?:{_PLAIN})(?:[eE][+-]?\d{{1,3}}(?![A-Za-z0-9])|\s?[×x*]\s?10\s?\^\s?\{{?[+-]?\d{{1,3}}\}}?)?"
_FRACTION = r"\\[dt]?frac\{\s*-?\d+\s*\}\{\s*\d+\s*\}|\d+\s+\d+/\d+|\d+\s?/\s?\d+"
_CHINESE = rf"百分之[{_HAN}点\d.]+|[{_HAN}]+分之[{_HAN}]+|[{_HAN}]+(?:点[{_HAN}]+)?"
_SIGN = r"(?:(?<![\w)\]])[-+]|负)?"
NUMBER = re.compile(
    rf"{_SIGN}(?:[$€£¥]\s?)?(?:{_SIGN}(?:{_FRACTION}|{_DECIMAL})(?:\s?[万亿萬億])?(?:\s?%)?|{_CHINESE})"
)


def normalised(text: str) -> str:
    """Full-width digits and signs made plain, LaTeX spacing and the several minus signs, too."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[−–—﹣](?=\s?[\d.$\\])", "-", text)
    text = text.replace("{,}", ",").replace("\\,", " ").replace("\\!", "").replace("\\%", "%").replace("\\$", "$")
    text = re.sub(r"\\(?:dfrac|tfrac)", r"\\frac", text)
    return re.sub(r"\\frac\s?(\d)\s?(\d)", r"\\frac{\1}{\2}", text)


def value(written: str) -> Fraction | None:
    """The exact value of one number; a percentage is a hundredth. None if it is not one number."""
    text = normalised(written).strip().strip("。.,;:!?").strip()
    sign = 1
    while text[:1] in "+-负$€£¥ " and text:
        sign = -sign if text[0] in "-负" else sign
        text = text[1:]
    scale = Fraction(1)
    if text.endswith("%"):
        text, scale = text[:-1].strip(), Fraction(1, 100)
    if text[-1:] in MYRIADS and re.search(r"\d", text):
        scale *= MYRIADS[text[-1]]
        text = text[:-1].strip()
    found = _arabic(text) if re.search(r"\d", text) else chinese(text)
    return None if found is None else sign * scale * found


def _arabic(text: str) -> Fraction | None:
    if latex := re.fullmatch(r"\\frac\{\s*(-?\d+)\s*\}\{\s*(\d+)\s*\}", text):
        return _over(int(latex[1]), int(latex[2]))
    if mixed := re.fullmatch(r"(\d+)\s+(\d+)/(\d+)", text):
        part = _over(int(mixed[2]), int(mixed[3]))
        return None if part is None else int(mixed[1]) + part
    if simple := re.fullmatch(r"(\d+)\s?/\s?(\d+)", text):
        return _over(int(simple[1]), int(simple[2]))
    power = re.fullmatch(r"(.+?)(?:[eE]([+-]?\d{1,3})|\s?[×x*]\s?10\s?\^\s?\{?([+-]?\d{1,3})\}?)", text)
    exponent = int(power[2] or power[3]) if power else 0
    plain = (power[1] if power else text).strip()
    if not re.fullmatch(_PLAIN, plain):
        return None
    return Fraction(re.sub(r"[,   ]", "", plain)) * Fraction(10) ** exponent


def _over(top: int, bottom: int) -> Fraction | None:
    return Fraction(top, bottom) if bottom else None


def chinese(text: str) -> Fraction | None:
    """三百二十一 → 321, 百分之五 → 1/20, 二分之一 → 1/2, 一点五 → 3/2; None if it is not a numeral."""
    if text.startswith("百分之"):
        part = value(text[3:])
        return None if part is None else part / 100
    if "分之" in text:
        below, _, above = text.partition("分之")
        top, bottom = chinese(above), chinese(below)
        return None if top is None or not bottom else top / bottom
    if "点" in text:
        whole, _, decimals = text.partition("点")
        front = chinese(whole)
        if front is None or not decimals or any(c not in DIGITS for c in decimals):
            return None
        return front + Fraction(int("".join(str(DIGITS[c]) for c in decimals)), 10 ** len(decimals))
    return _chinese_whole(text)


def _chinese_whole(text: str) -> Fraction | None:
    if not text or any(c not in DIGITS and c not in UNITS and c not in MYRIADS for c in text):
        return None
    if all(c in DIGITS for c in text):
        return Fraction(int("".join(str(DIGITS[c]) for c in text)))
    total = section = digit = 0
    unit = 10
    for c in text:
        if c in DIGITS:
            digit = DIGITS[c]
            unit = 10 if c in "零〇" else unit
        elif c in UNITS:
            section += (digit or 1) * UNITS[c]
            digit, unit = 0, UNITS[c]
        else:
            total = (total + section + digit) * MYRIADS[c] if c in "亿億" else total + (section + digit) * MYRIADS[c]
            section, digit, unit = 0, 0, MYRIADS[c]
    colloquial = unit // 10 if digit and text[-1] in DIGITS and unit > 10 and text[-2:-1] not in ("零", "〇") else 1
    return Fraction(total + section + digit * colloquial)


def canonical(number: Fraction) -> str:
    """How a number is written in ballots: 3/2 and 1.5 and 1 1/2 are all `1.5`, 1/3 is `1/3`."""
    if number.denominator == 1:
        return str(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{number.numerator}/{number.denominator}"
    digits = 0
    while (number * 10**digits).denominator != 1:
        digits += 1
    return f"{float(number):.{digits}f}" if digits < 15 else f"{number.numerator}/{number.denominator}"
