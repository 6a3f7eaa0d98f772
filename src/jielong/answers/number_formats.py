r"""Numbers as people write them, as exact fractions: 1,234 · 1.234,56 · 3/4 · 1 1/2 · \frac{3}{4} · 5% · 2.5e3 · 3万.

Dates, times, ordinals, versions and names with digits in them (GPT-4) are not numbers. Every pattern is bounded, so
that no text takes long.
"""

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from math import prod

from .number_words import MYRIADS, SCALES, chinese_numbers, english_numbers
from .quantities import NumberMatch, merged

_DIGITS = r"\d{1,400}"
_EUROPEAN = r"[1-9]\d{0,2}(?:\.\d{3}){1,9},\d{1,2}(?!\d)|[1-9]\d{0,2}(?:\.\d{3}){2,9}(?![\d.]\d)|0,\d{1,3}(?![\d,])"
_GROUPED = (
    r"[1-9]\d{0,2}(?:[,'’]\d{3}){1,20}(?!\d)|[1-9]\d?(?:,\d{2}){1,9},\d{3}(?!\d)|[1-9]\d{0,2}(?:[ ]\d{3}){1,9}(?![\d/])"
)
_PLAIN = rf"(?:{_GROUPED}|{_DIGITS})(?:\.{_DIGITS})?|\.{_DIGITS}"
_POWER = r"[eE][+-]?\d{1,3}(?!\w)|[ ]{0,2}(?:[×x*]|\\times|\\cdot)[ ]{0,2}10[ ]?\^[ ]?\{?[+-]?\d{1,3}\}?"
_LATEX = r"(?:\d{1,9}[ ]?)?\\frac\{[ ]?-?\d{1,40}[ ]?\}\{[ ]?-?\d{1,40}[ ]?\}"
_SLASH = r"(?:\d{1,9}(?:[ ]|[ ]and[ ]))?\d{1,40}[ ]?/[ ]?\d{1,40}(?![ ]?[/\d]|\.\d)"
_RECURRING = r"\d{1,40}\.\d{0,40}\\(?:overline|bar|dot)[ ]?\{\d{1,40}\}"
_MINUS = r"(?:^|(?<=\bis )|(?<=\bto )|(?<=\bwas )|(?<=\bbe )|(?<=: )|(?<== ))minus[ ]"
_SIGN = rf"(?:(?<![\w)\]}}.%°!])[-+]|\bnegative[ ]|负|零下[ ]?|{_MINUS})?"
_CURRENCY = r"(?:(?:US|HK|NZ|A|C|S)?[$€£¥₹][ ]?|(?<![A-Za-z])(?:USD|EUR|GBP|CNY|RMB|Rs\.?)[ ]?)?"
_SHORT_SCALES = {"k": 10**3, "K": 10**3, "M": 10**6, "mn": 10**6, "bn": 10**9, "B": 10**9}
_SCALE = (
    rf"(?:[ ]?[{''.join(MYRIADS)}]|[ ]{{1,2}}(?:{'|'.join(SCALES)})\b"
    rf"|(?<=\d)(?-i:{'|'.join(_SHORT_SCALES)})(?![\w/^²-]))?"
)
_PERCENT = r"(?:[ ]?%|[ ]?percent\b|[ ]per[ ]cent\b)?"
NUMBER = re.compile(
    rf"(?P<number>{_SIGN}{_CURRENCY}{_SIGN}(?:{_RECURRING}|{_EUROPEAN}|{_LATEX}|{_SLASH}|(?:{_PLAIN})(?:{_POWER})?){_SCALE}{_PERCENT})"
)
_NO_NUMBER = (  # tried first at each place, so that their digits are not taken for numbers
    r"https?://[^\s<>]{1,2000}"
    r"|\d{4}[-/.年][ ]?\d{1,2}[-/.月][ ]?\d{1,2}日?"  # 2021-05-12
    r"|\d{1,2}/\d{1,2}/\d{2,4}(?!\d)"
    r"|\d{1,9}:\d{1,9}(?::\d{1,9}){0,3}|\d{1,9}[ ]:[ ]\d{1,9}"  # 7:30, 3:4
    r"|\d{1,4}(?:\.\d{1,4}){2,5}"  # 3.1.4
    r"|\d{1,9}(?:st|nd|rd|th)\b|第[ ]?\d{1,9}"
    r"|(?<=[A-Za-z0-9.;!?)\]\"])[ ]?\[\d{1,3}(?:,[ ]?\d{1,3}){0,9}\]"  # a citation
    r"|(?<![A-Za-z\\])(?!(?:USD|EUR|GBP|CNY|RMB|Rs)\d)[A-Za-z][A-Za-z_]{0,19}-?\d[\w.]{0,20}"  # GPT-4, x1
    r"|\b(?:step|question|problem|equation|figure|table|example|footnote)s?[ ]{1,2}#?\(?\d{1,4}\)?"
)
_EITHER = re.compile(rf"(?P<none>{_NO_NUMBER})|{NUMBER.pattern}", re.I)
_EUROPEAN_FIRST = re.compile(_EUROPEAN)


def normalised(text: str) -> str:
    """Full-width characters, superscripts, ½ and the several minus signs made plain; LaTeX spacing and dress undone."""
    text = re.sub(r"([⁺⁻]?)([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9})", lambda m: f"^{{{unicodedata.normalize('NFKC', m[0])}}}", text)
    text = re.sub(r"(\d?)([¼-¾⅐-⅞])", lambda m: m[1] + " " * bool(m[1]) + unicodedata.normalize("NFKC", m[2]), text)
    text = re.sub(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3})", "", text)
    text = unicodedata.normalize("NFKC", text).replace("\u2044", "/").replace("−", "-")
    text = re.sub(r"[–—﹣](?=[ ]?[\d.$\\∞])", "-", text)
    text = _MIXED.sub(_in_digits, text.replace("{,}", ","))
    return _undressed(text) if "\\" in text else text


_MIXED = re.compile(r"(?<![\d.])\d{1,9}[千百]?[万亿](?:\d{1,9}[千百]?[万亿]?)+(?![\d.千百])")  # 3万5千, 1亿2千万


def _in_digits(mixed: re.Match[str]) -> str:
    units = {"千": 1000, "百": 100, "万": 10**4, "亿": 10**8}
    parts = re.findall(r"(\d+)([千百万亿]*)", mixed[0])
    return str(sum(int(digits) * prod(units[unit] for unit in names) for digits, names in parts))


def _undressed(text: str) -> str:
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\!", "")
    text = re.sub(r"(?<!\\)\\[,;: ]", " ", text)
    text = re.sub(r"\\[dtc]frac\b", r"\\frac", text)
    text = re.sub(r"\\frac[ ]?(\d)[ ]?(\d)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\(?:left|right|displaystyle|bigl?|bigr)(?![A-Za-z])", "", text)
    text = re.sub(r"[ ]?\^[ ]?(?:\{[ ]?\\circ[ ]?\}|\\circ(?![A-Za-z]))|[ ]?\\degree(?![A-Za-z])", "°", text)
    for _ in range(3):  # \text{…} within \textbf{…}
        text = re.sub(r"\\(?:text[a-z]{0,6}|mathrm|mathbf|mbox|operatorname)[ ]?\{([^{}]{0,400})\}", r" \1", text)
    return text


def find_numbers(text: str) -> list[NumberMatch]:
    """The numbers in a `normalised` text, in order; those in Chinese or English words only if there are no digits."""
    found = list(_arabic(text))
    if found:
        return merged(text, found)
    if re.search("[一-鿿〇]", text):
        return merged(text, [NumberMatch(*where, value, percent) for where, value, percent in chinese_numbers(text)])
    return [NumberMatch(*where, value) for where, value in english_numbers(text)]


def _arabic(text: str) -> Iterator[NumberMatch]:
    at = 0
    while match := _EITHER.search(text, at):
        at = match.end()
        if match["none"] is not None:
            if not _EUROPEAN_FIRST.match(text, match.start()):
                continue
            match = NUMBER.match(text, match.start()) or match
            at = match.end()
        value = _value(match[0])
        if value is not None:
            percent = bool(re.search(r"%|percent|per cent", match[0], re.I))
            value = -value if _BELOW_ZERO.match(text, match.end()) else value
            yield NumberMatch(match.start(), match.end(), value, percent)


_BELOW_ZERO = re.compile(
    r"\s?(?:°\s?[CF]?|degrees?)?\s?(?:celsius|fahrenheit|centigrade)?\s?below\s(?:zero|freezing)\b", re.I
)


_WHOLE = re.compile(r"-?[0-9]{1,18}")


def read_number(written: str) -> NumberMatch | None:
    """The one number that a text is, with or without a unit: `$1,234.50`, `73 km/h`, 三百二十一; None if it is more."""
    if _WHOLE.fullmatch(written):  # by far the most common, and each vote reads every sample
        return NumberMatch(0, len(written), Fraction(int(written)))
    text = normalised(written).strip().strip("。,;?").strip().removesuffix(".").strip(" *`$").strip()
    if not text or len(text) > 500:
        return None
    sign = re.match(r"(?:-|minus)[ ](?=[\d$.\\]|[a-z])", text)
    if sign:
        inner = read_number(text[sign.end() :])
        return None if inner is None else NumberMatch(0, len(text), -inner.value, inner.percent)
    match = NUMBER.match(text)
    if match is None:
        return _read_words(text)
    if (skipped := _EITHER.match(text)) and skipped["none"] is not None and not _EUROPEAN_FIRST.match(text):
        return None
    value = _value(match[0])
    if value is None:
        return None
    if not _UNIT.fullmatch(text, match.end()):
        parts = find_numbers(text)  # 6 hours 30 minutes
        return parts[0] if len(parts) == 1 and parts[0].also and _UNIT.fullmatch(text, parts[0].end) else None
    value = -value if _BELOW_ZERO.match(text, match.end()) else value
    return NumberMatch(0, match.end(), value, bool(re.search(r"%|percent|per cent", match[0], re.I)))


_UNIT = re.compile(  # up to three words: km/h, cm^2, dollars per day, 个苹果
    r"[ ]?[°%$€£¥]?[ ]?(?!(?:or|and|to|of|but|not|is)\b)(?:(?:[A-Za-zµμΩ]{1,20}(?:\^\{?-?[1-9]\}?)?"
    r"(?:[/·.* ][A-Za-z]{1,20}(?:\^\{?-?[1-9]\}?)?){0,2})|(?![或和到比至点])[一-鿿]{1,6})?[ ]?[.。]?"
)


def _read_words(text: str) -> NumberMatch | None:
    if len(text) > 250:
        return None
    if re.search("[一-鿿〇]", text):
        han = chinese_numbers(text)
        alone = len(han) == 1 and han[0][0][0] == 0 and len(text) <= 20
        return NumberMatch(0, len(text), han[0][1], han[0][2]) if alone else None
    words = english_numbers(text)
    signed = re.match(r"(?:negative|minus)\s", text, re.I)
    alone = len(words) == 1 and words[0][0][0] == (signed.end() if signed else 0)
    return NumberMatch(0, len(text), words[0][1]) if alone and _UNIT.fullmatch(text, words[0][0][1]) else None


_LEAD = re.compile(r"-|\+|负|零下\s?|negative\s|minus\s|(?:US|HK|NZ|A|C|S)?[$€£¥₹]|USD|EUR|GBP|CNY|RMB|Rs\.?", re.I)


def _value(written: str) -> Fraction | None:
    """The value of what NUMBER matched; a division by zero has none."""
    text, sign = written.strip(), 1
    while (
        lead := re.match(
            r"-|\+|负|零下\s?|negative\s|minus\s|(?:US|HK|NZ|A|C|S)?[$€£¥₹]|USD|EUR|GBP|CNY|RMB|Rs\.?", text, re.I
        )
    ) and text:
        sign = -sign if re.match(r"-|负|零下|neg|minus", lead[0], re.I) else sign
        text = text[lead.end() :].strip()
    text = re.sub(r"\s?(?:%|percent|per cent)$", "", text, flags=re.I)
    scale = 1
    if text[-1:] in MYRIADS:
        text, scale = text[:-1].strip(), MYRIADS[text[-1]]
    elif word := re.search(rf"\s({'|'.join(SCALES)})$", text, re.I):
        text, scale = text[: word.start()].strip(), SCALES[word[1].lower()]
    elif short := re.search(rf"(?<=\d)({'|'.join(_SHORT_SCALES)})$", text):
        text, scale = text[: short.start()], _SHORT_SCALES[short[1]]
    if recurring := re.fullmatch(r"(\d+)\.(\d*)\\\w+[ ]?\{(\d+)\}", text):
        before, again = recurring[1] + recurring[2], recurring[3]
        nines = (10 ** len(again) - 1) * 10 ** len(recurring[2])
        return sign * scale * Fraction(int(before + again) - int(before), nines)
    found = _fraction(text) if "/" in text or "frac" in text else _decimal(text)
    return None if found is None else sign * scale * found


def _fraction(text: str) -> Fraction | None:
    parts = [int(part) for part in re.findall(r"(?:(?<=\{)|(?<=\{ ))-?\d+|\d+", text)]
    whole, top, bottom = parts if len(parts) == 3 else (0, *parts)
    return Fraction(top, bottom) + whole if bottom else None


def _decimal(text: str) -> Fraction | None:
    exponent = 0
    if power := re.search(r"(?:[eE]|[ ]{0,2}(?:[×x*]|\\times|\\cdot)[ ]{0,2}10[ ]?\^[ ]?\{?)([+-]?\d{1,3})\}?$", text):
        text, exponent = text[: power.start()], int(power[1])
    if re.fullmatch(_EUROPEAN, text):
        text = text.replace(".", "").replace(",", ".")
    digits = re.sub(r"[,'’ ]", "", text)
    return Fraction(digits) * Fraction(10) ** exponent if re.fullmatch(r"\d*\.?\d+", digits) else None
