"""What people's fingers do to a text: case, punctuation, spaces, numbers as words, typos, words before and after.

The noise never touches a name, a value of the world, a number's value or code, so the meaning stays.
"""

from __future__ import annotations

import re
from functools import cache

from ..prompts import Language
from .grammar import grammar
from .names import SYLLABLES
from .vocabulary import SampleRandom, wordlists

VALUE_GROUPS = ("items", "boxes", "jobs", "foods", "pets", "materials", "colours", "things")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBER_WORDS = _SMALL + [f"{tens}-{ones}".removesuffix("-zero") for tens in _TENS for ones in _SMALL[:10]]
CHINESE_NUMBERS = [
    ("" if n // 10 == 1 else "一二三四五六七八九"[n // 10 - 1] if n > 9 else "")
    + "十" * (n > 9)
    + ("零一二三四五六七八九"[n % 10] if n % 10 or n == 0 else "")
    for n in range(100)
]
MEASURE_WORDS = "个只本颗条张枚支块袋盒罐盘包箱筐碗人位名份堆倍次天朵件把双头匹粒根瓶杯套组元岁层排座片串辆棵篮桶盆页步"

_CODE = re.compile(r"[{}_<>\[\]`|\\]|://|\([A-D]\)|->")
_SIGNS = re.compile(r"[*+/=×÷−]|\d ?-|[-x] ?\d")
_NUMBER = re.compile(r"(?<![\d.,:#])(?<!\d, )\b(\d\d?)(?= [a-z])")
_CHINESE_NUMBER = re.compile(rf"(?<![\d.,:])(第?)(\d\d?)(?=[{MEASURE_WORDS}])")
_LONG_WORD = re.compile(r"(?<![\w'])[a-z]{5,}(?![\w'])")
_QUESTION_WORD = re.compile(
    r"\b(?:what|how|where|which|who|when|why|whose|does|do|did|can|could|tell|name|give|whats|whos|wheres)\b"
    r"|什么|多少|哪|谁|几|吗|呢|何|怎|啥",
    re.IGNORECASE,
)
_HALF_WIDTH = {"，": ",", "。": ".", "？": "?", "！": "!", "：": ":", "；": ";", "（": "(", "）": ")", "、": ","}
_FULL_WIDTH = {half: full for full, half in _HALF_WIDTH.items() if full != "、"}
_FULL_WIDTH_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
_NEIGHBOURS = {
    row[i]: row[max(0, i - 1) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i in range(len(row))
}


def noisy(rng: SampleRandom, text: str, strength: float = 1.0, leads: bool = True) -> str:
    """`text` as somebody typed it. `strength` multiplies the chance of each kind of noise; 0 leaves the text alone.

    `leads` allows words before and after, as "quick question:" and "thanks!". Code comes back as it is.
    """
    if _CODE.search(text):
        return text

    def happens(probability: float) -> bool:
        return rng.random() < probability * strength

    chinese = rng.language == "zh"
    if happens(0.15):
        text = (chinese_numbers_as_words if chinese else numbers_as_words)(text)
    if leads and happens(0.2):
        text = _with_leads(rng, text)
    if not chinese and happens(0.1):
        text = _misspelt(rng, text)
    if not chinese and happens(0.09):
        text = by_ear(rng, text)
    if happens(0.3):
        text = _final_punctuation(rng, text)
    if happens(0.2):
        text = _punctuation_within(rng, text)
    if chinese and happens(0.3):
        text = half_width(text, rng.random() < 0.4)
    elif not chinese and happens(0.04):
        text = "".join(_FULL_WIDTH.get(sign, sign) for sign in text.replace(". ", "。").replace(", ", "，"))
    if happens(0.1):
        text = _spaces(rng, text)
    if chinese and happens(0.04):
        text = text.translate(_FULL_WIDTH_DIGITS)
    if not chinese and happens(0.3):
        text = _case(rng, text)
    return text


def half_width(text: str, spaced: bool = False) -> str:
    """Chinese with the punctuation of an English keyboard; `spaced` puts a space after each sign within the text."""
    signs: list[str] = []
    for i, sign in enumerate(text):
        half = _HALF_WIDTH.get(sign)
        signs.append(half or sign)
        following = text[i + 1 : i + 2]
        between_digits = text[i - 1 : i].isdigit() and following.isdigit()
        if half and half not in "()" and following.strip() and (spaced or between_digits):
            signs.append(" ")
    return "".join(signs)


def numbers_as_words(text: str) -> str:
    """Whole numbers of one or two digits in words, before a word and outside of calculations."""
    if _SIGNS.search(text):
        return text

    def words(number: re.Match[str]) -> str:
        return NUMBER_WORDS[int(number[1])]

    return _NUMBER.sub(words, text)


def chinese_numbers_as_words(text: str) -> str:
    """Whole numbers of one or two digits before a measure word: 两个, not 二个."""
    if _SIGNS.search(text):
        return text

    def words(number: re.Match[str]) -> str:
        value = int(number[2])
        return number[1] + ("两" if value == 2 and not number[1] else CHINESE_NUMBERS[value])

    return _CHINESE_NUMBER.sub(words, text)


def all_numbers_as_words(text: str, language: Language, hyphen: str = "-") -> str:
    """Every number in words, where all have one or two digits and there are no signs: "thirty-five", 三十五."""
    if _SIGNS.search(text) or re.search(r"\d{3}|\ds|\d\.\d|[Xx＋－＝–·]", text):
        return text
    words = CHINESE_NUMBERS if language == "zh" else [word.replace("-", hyphen) for word in NUMBER_WORDS]
    return re.sub(r"\d+", lambda number: words[int(number[0])], text)


def starts_with_common_word(language: Language, text: str) -> bool:
    """Whether the first word is one of the language's own, so that it may be written in lower case."""
    first = re.match(r"[A-Za-z']+", text)
    return first is not None and first[0] != "I" and first[0].lower() in _words_of_rules(language)


def by_ear(rng: SampleRandom, text: str) -> str:
    """Common words as children and hasty people spell them, outside of quotation marks."""
    if '"' in text:
        return text
    return _BY_EAR.sub(
        lambda found: rng.choice(BY_EAR[found[0].lower()].split()) if rng.random() < 0.7 else found[0], text
    )


BY_EAR = {
    "what": "wat wut", "does": "dos duz", "you": "u yu", "are": "r", "your": "ur yor", "please": "plese plz pls",
    "favourite": "favrite favorit", "know": "no kno", "do you": "d'you", "and": "n an", "what's": "wats whats",
    "where": "wher were", "which": "wich witch", "because": "cuz coz", "friend": "frend", "have": "hav", "give": "giv",
    "people": "peple", "there": "ther", "tell": "tel", "could": "cud", "would": "wud",
    "should": "shud", "colour": "collor culor", "animal": "animel", "country": "contry countrey", "much": "mutch",
    "many": "meny", "school": "skool", "answer": "anser", "question": "qestion", "birthday": "birfday", "thanks": "thx",
    "right now": "rn", "i am": "im", "i'm": "im", "to be honest": "tbh", "really": "realy",
    "with": "wiv w/",
}  # fmt: skip
_BY_EAR = re.compile(rf"(?<![\w'])(?:{'|'.join(sorted(BY_EAR, key=len, reverse=True))})(?![\w'])", re.IGNORECASE)


def _with_leads(rng: SampleRandom, text: str) -> str:
    lowered = text
    if rng.language == "en" and starts_with_common_word("en", text):
        lowered = text[0].lower() + text[1:]
    return rng.sentence("noise_around", text=lowered, whole=text)


def _misspelt(rng: SampleRandom, text: str) -> str:
    words = [word for word in _LONG_WORD.finditer(text) if word[0] not in _untouchable()]
    if not words:
        return text
    word = rng.choice(words)
    typo = _typo(rng, word[0])
    if typo in _words_of_rules("en") or typo in _untouchable():
        return text
    return text[: word.start()] + typo + text[word.end() :]


def _typo(rng: SampleRandom, word: str) -> str:
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice(_NEIGHBOURS[word[i]]) + word[i + 1 :]


def _final_punctuation(rng: SampleRandom, text: str) -> str:
    if not text or text[-1] not in ".?!。？！":
        return text
    bare, sign = text.rstrip(".?!。？！"), text[-1]
    asks = sign in "?？"
    if asks and not _QUESTION_WORD.search(bare):
        return text
    if rng.random() < 0.6:
        return bare
    if rng.language == "zh":
        signs = ("？？", "？？？", "?", "？！", "??") if asks else ("！", "。。。", "……", "～", "..", ".", "！！")
        return bare + rng.choice(signs)
    return bare + rng.choice(("??", "???", "?!", " ?", "?!?", "...?") if asks else ("!", "...", "..", " .", "!!"))


def _punctuation_within(rng: SampleRandom, text: str) -> str:
    kind = rng.randrange(3)
    if rng.language == "zh":
        if kind == 0:
            return re.sub(r"[，；](?!$)", " ", text)
        if kind == 1:
            return re.sub(r"。(?=[^\n])", "，", text)
        return re.sub(r"[。？](?=[^\n])", " ", text)
    if kind == 0:
        return re.sub(r"(?<!\d),(?= )|,(?= [^\d])", "", text)
    if kind == 1:
        return re.sub(r"\. (\w+)", _run_on, text)
    return text.replace("'", rng.choice(("", "’", "’")))


def _run_on(word: re.Match[str]) -> str:
    return ", " + (word[1][0].lower() + word[1][1:] if starts_with_common_word("en", word[1]) else word[1])


def _spaces(rng: SampleRandom, text: str) -> str:
    if rng.language == "zh":
        places = r"(?<=[\u3400-\u9fff])(?=\d)|(?<=\d)(?=[\u3400-\u9fff])"
        return re.sub(places, " ", text) if rng.random() < 0.7 else re.sub(r"(?<=[，。？])(?=\S)", " ", text)
    kind = rng.randrange(4)
    if kind == 0:
        return re.sub(r"(?<=[.,?!]) (?=[A-Za-z])", "", text)
    if kind == 1:
        return re.sub(r"(?<=\d) (?=[a-z])", "", text, count=1)
    if kind == 2:
        return f"{text} " if rng.random() < 0.5 else f" {text}"
    gaps = [gap.start() for gap in re.finditer(" ", text)]
    return text if not gaps else text[: (gap := rng.choice(gaps))] + " " + text[gap:]


def _case(rng: SampleRandom, text: str) -> str:
    draw = rng.random()
    if draw < 0.7:
        return text.lower()
    if draw < 0.85:
        return text[:1].lower() + text[1:]
    return text.upper()


@cache
def _words_of_rules(language: Language) -> frozenset[str]:
    """All words of the sentence forms: none of them is a name."""
    lines = (line for lines in grammar(language).values() for line in lines)
    return frozenset(word for line in lines for word in re.findall(r"[a-z']+", line.lower())) | {"i", "the", "a"}


@cache
def _untouchable() -> frozenset[str]:
    """Words in which a typo could make another value, number or name."""
    words = wordlists("en")["words"]
    values = {part for group in VALUE_GROUPS for value in words[group] for part in value.lower().split()}
    syllables = list(SYLLABLES)
    names = {a + b for a in syllables for b in syllables} | {
        a + b + c for a in syllables for b in syllables for c in syllables
    }
    return frozenset(values | {value.removesuffix("s") for value in values} | set(NUMBER_WORDS) | names)
