"""Numbers in words, as exact fractions: 三百二十一, 百分之五, 负三又二分之一; twenty-one, two and a half.

What is not one number ("one two three", 三角形, 一共) is None, not a guess.
"""

import re
from fractions import Fraction

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {c: i for i, c in enumerate("〇壹贰叁肆伍陆柒捌玖")}
_DIGITS |= {"两": 2, "兩": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN = "".join([*_DIGITS, *_UNITS, *MYRIADS])
_LONGEST = 60  # characters; a longer run is no number that anyone wrote

CHINESE = re.compile(
    rf"(?:负|零下)?(?:百分之[{_HAN}点\d.]{{1,{_LONGEST}}}"
    rf"|(?:[{_HAN}]{{1,9}}又)?[{_HAN}]{{1,{_LONGEST}}}分之[{_HAN}]{{1,{_LONGEST}}}"
    rf"|[{_HAN}]{{1,{_LONGEST}}}(?:点[{_HAN}]{{1,{_LONGEST}}})?)"
)
# 一共, 一起, 十分, 三角形, 零食 … hold a numeral and are no number; neither is 第一 nor 星期三.
_NOT_AFTER = {"一": "共起样般些定直边旦切致下方同向带", "十": "分足", "两": "者边", "三": "角", "零": "花食售件钱用"}
_NOT_BEFORE = "第期周拜万"

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: i for i, word in enumerate(_SMALL)} | {word: 10 * (i + 2) for i, word in enumerate(_TENS)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4}
_PARTS |= {"fourth": 4, "fourths": 4, "fifth": 5, "fifths": 5, "eighth": 8, "eighths": 8, "tenth": 10, "tenths": 10}
_ANY = "|".join(sorted([*_WORDS, *SCALES, *_PARTS, "hundred", "dozen"], key=len, reverse=True))
ENGLISH = re.compile(rf"\b(?:{_ANY})\b(?:[\s-]{{1,2}}(?:and\s)?(?:an?\s)?(?:{_ANY})\b){{0,20}}", re.I)


Span = tuple[int, int]  # where in the text a number stands


def chinese_numbers(text: str) -> list[tuple[Span, Fraction, bool]]:
    """Where in the text a Chinese number stands, its value, and whether it is a percentage (then in percent)."""
    found = []
    for match in CHINESE.finditer(text):
        word, before, after = match[0], text[: match.start()][-1:], text[match.end() : match.end() + 1]
        units_alone = len(word) > 1 and all(c in _UNITS or c in MYRIADS for c in word)
        if (before and before in _NOT_BEFORE) or units_alone or word in ("百", "千", "万", "亿"):
            continue
        if after and (after in _NOT_AFTER.get(word, "") or (after in "角边" and len(word) == 1)):
            continue
        if word == "一" and before == "是" and after in ("个", "种", "条", "只", "本"):
            continue  # 这是一个三角形: an article
        value = chinese_number(word)
        if value is not None:
            value += Fraction(1, 2) * (_AND_A_HALF.match(text, match.end()) is not None)
            found.append((match.span(), value, "百分之" in word))
    return found


_AND_A_HALF = re.compile("(?:个|年|天|点)半(?!个)")  # 一个半小时


def chinese_number(word: str) -> Fraction | None:
    """三百二十一 → 321, 二分之一 → 1/2, 一点五 → 3/2, 百分之五 → 5 (percent); None if it is not a numeral."""
    if word.startswith(("负", "零下")):
        value = chinese_number(word.removeprefix("负").removeprefix("零下"))
        return None if value is None else -value
    if word.startswith("百分之"):
        rest = word[3:]
        return Fraction(rest) if re.fullmatch(r"\d{1,15}(?:\.\d{1,15})?", rest) else chinese_number(rest)
    if "又" in word:
        ones, part = chinese_number(word.partition("又")[0]), chinese_number(word.partition("又")[2])
        return None if ones is None or part is None else ones + part
    if "分之" in word:
        bottom, top = chinese_number(word.partition("分之")[0]), chinese_number(word.partition("分之")[2])
        return None if top is None or not bottom else top / bottom
    if "点" in word:
        whole, _, decimals = word.partition("点")
        front = _whole(whole)
        if front is None or not decimals or any(c not in _DIGITS for c in decimals):
            return None
        return front + Fraction(int("".join(str(_DIGITS[c]) for c in decimals)), 10 ** len(decimals))
    return _whole(word)


def _whole(word: str) -> Fraction | None:
    if not word or any(c not in _HAN for c in word):
        return None
    if all(c in _DIGITS for c in word):
        return Fraction(int("".join(str(_DIGITS[c]) for c in word)))
    total = section = digit = 0
    unit = 10
    for at, c in enumerate(word):
        if c in _DIGITS:
            if digit and word[at - 1] in _DIGITS:
                return None  # two digits in a row do not go with units: 三五百 is "some", not a number
            digit = _DIGITS[c]
            unit = 10 if not digit else unit
        elif c in _UNITS:
            section += (digit or 1) * _UNITS[c]
            digit, unit = 0, _UNITS[c]
        else:
            whole = total + section + digit
            total = whole * MYRIADS[c] if MYRIADS[c] > 10**4 else total + (section + digit) * MYRIADS[c]
            section, digit, unit = 0, 0, MYRIADS[c]
    colloquial = unit // 10 if digit and unit > 10 else 1  # 三百五 is 350
    return Fraction(total + section + digit * colloquial)


def english_numbers(text: str) -> list[tuple[Span, Fraction]]:
    """Where in the text a number in English words stands, and its value."""
    found: list[tuple[Span, Fraction]] = []
    for match in ENGLISH.finditer(text):
        if text[: match.start()].lower().endswith("below "):
            continue  # below zero
        if (value := english_number(match[0])) is not None:
            sign = _MINUS.search(text[: match.start()][-12:])
            subtracts = sign is not None and found and found[-1][0][1] >= match.start() - len(sign[0])
            below = re.match(r"\s(?:degrees?\s)?(?:\w+\s)?below\szero", text[match.end() :][:40])
            found.append((match.span(), -value if below or (sign and not subtracts) else value))
    return found


_MINUS = re.compile(r"\s?\b(?:minus|negative)\s$", re.I)


def english_number(words: str) -> Fraction | None:
    """`one hundred and five` → 105, `three quarters` → 3/4, `two and a half` → 5/2; None if it is not one number."""
    total, group = Fraction(0), Fraction(0)
    last = ""  # what the word before was: "", small, tens, hundred, scale
    for word in re.split(r"[\s-]+", words.lower()):
        if word in ("and", "a", "an"):
            continue
        if word in _PARTS:
            part = Fraction(1, _PARTS[word])
            counted = last == "small" and " and a" not in words.lower()
            return total + group * part if counted else total + group + part
        if word in SCALES:
            total += (group or Fraction(1)) * SCALES[word]
            group, last = Fraction(0), "scale"
        elif word in ("hundred", "dozen"):
            group = (group or Fraction(1)) * (100 if word == "hundred" else 12)
            last = "hundred"
        else:
            value = _WORDS[word]
            if last == "small" or (last == "tens" and not 0 < value < 10):
                return None
            group += value
            last = "tens" if value >= 20 else "small"
    return total + group
