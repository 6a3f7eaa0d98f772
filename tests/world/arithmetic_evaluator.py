"""A second reading of arithmetic as people type it: knows the words of both languages, nothing of the generator."""

import ast
import operator
import re
from fractions import Fraction

_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_SIGNS = (
    (r"[−–－]", "-"),
    (r"＋", "+"),
    (r"[×·xX](?=[\s\d(])", "*"),
    (r"÷", "/"),
    (r"\bmultiplied (?:by|with)\b|\btimes\b(?! as)|乘以|乘上|乘(?=\s*\d)", "*"),
    (r"\bdivided by\b|\bover\b|除以", "/"),
    (r"\bplus(?: another)?\b|加上|再加上?|加(?=\s*\d)", "+"),
    (r"\bminus\b|减去|减掉|减(?=\s*\d)", "-"),
)
_EXPRESSION = re.compile(r"\(?\d+(?:\.\d+)?(?:\s*\)?\s*[-+*/]\s*\(?\s*\d+(?:\.\d+)?\)?)+")


def value_of_expression(text: str) -> Fraction:
    return _value(ast.parse(text, mode="eval").body)


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    assert isinstance(node, ast.BinOp), node
    return Fraction(_OPERATIONS[type(node.op)](_value(node.left), _value(node.right)))


def value_of_question(question: str) -> Fraction:
    """What a question asks for. Raises AssertionError where it is not understood."""
    text = _in_figures(question)
    if listed := _LISTED.search(text):
        return sum((Fraction(n) for n in re.findall(r"\d+", listed[0])), Fraction(0))
    for pattern, sign in _SIGNS:
        text = re.sub(pattern, sign, text, flags=re.IGNORECASE)
    if found := _EXPRESSION.search(text):
        return value_of_expression(re.sub(r"\s", "", found[0]))
    numbers = [Fraction(n) for n in re.findall(r"\d+", text)]
    for pattern, compute in _FRAMES:
        if re.search(pattern, text, re.IGNORECASE):
            return compute(*numbers)
    raise AssertionError(f"not understood: {question}")


_LISTED = re.compile(
    r"\d+(?:(?: (?:and|plus|\+) (?:another )?|和|加上?|再加上?)\d+){2,}(?!\d* ?[-*/×x])", re.IGNORECASE
)
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}


def _in_figures(text: str) -> str:
    """Numbers in words as figures, where the text has no others."""
    if re.search(r"\d", text):
        return text
    ones = "|".join(sorted(_ONES, key=len, reverse=True))
    parts = r"(?! (?:share|of|half|third|quarter|fourth|question|thing)\b)"
    number = re.compile(rf"\b(?:({'|'.join(_TENS)})(?:[- ]({ones}))?|({ones}))\b{parts}", re.IGNORECASE)

    def figures(found: re.Match[str]) -> str:
        tens, after, alone = (part and part.lower() for part in found.groups())
        return str(_TENS.get(tens or "", 0) + (_ONES.index(after or alone) if after or alone else 0))

    text = re.sub(r"^(\W*)(\w)", lambda first: first[1] + first[2].lower(), text)
    text = number.sub(
        figures,
        re.sub(
            r"\b(this|each|another|next|last|quick|small|short|simple|easy|silly|dumb|little|random|serious) one\b",
            r"\1",
            text,
        ),
    )

    def chinese(found: re.Match[str]) -> str:
        tens, ones = found[1], found[2]
        return str(
            (10 * ("一二三四五六七八九".index(tens) + 1 if tens else 1))
            + ("一二三四五六七八九".index(ones) + 1 if ones else 0)
        )

    text = re.sub("([一二三四五六七八九])?十([一二三四五六七八九])?", chinese, text)
    return re.sub(
        "(?:(?<![之每再第下翻这那])一(?![份个倍半下共题道起点番样人算步])|[二三四](?!分之)|[五六七八九])",
        lambda found: str("一二三四五六七八九".index(found[0]) + 1),
        text,
    )


def _product(*numbers: Fraction) -> Fraction:
    assert len(numbers) == 2
    return numbers[0] * numbers[1]


_PARTS = r"的\d+分之一|平均分|平分成|等分成|均分成|分给"
_SHARES = r"one share of|(?:split|divide|share|cut) \d+ into|(?:split|shared|divided) (?:by|among|between)"
_PRODUCT = (
    r"product|multiply|groups|rows|bags|lots|sets|packs|as much as|as many as|\* the number|\d+ \* \d+"
    r"|的积|相乘|乘积|之积|乘起来|\d个\d|的\d+倍|\d+倍的|扩大到"
)
_FROM = (
    r"less than|subtract \d+ from|\b(?:subtracted|taken|taken away|deducted) from"
    r"|(?:take|take away|deduct|remove) \d+ from|from \d+ (?:up )?to|\d+ down from"
)
_LEFT = r"(?:how many|how much) (?:is|are|remains|do you have)? ?(?:left|remains)? ?(?:of|from) \d+"
_AWAY = (
    r"take away|without|\bless\b|reduce|decrease|lower|lose|give away|spend|drop|remove|subtract"
    r"|[从由]\d+.{1,2}-\d|减|去掉|扣掉|少掉|拿走|用掉|花掉|丢了|少了"
)
_MORE = (
    r"sum|total|add|together|altogether|combined|increased|increase|raise|more than|count|walk|\bgo\b|\band\b|larger"
    r"|with|in all|和|加|增|一共|合|总|多|添|再|、|，|,"
)
_FRAMES = (
    # one number
    (r"halve|half|一半|减半|二分之一|半数|两份|两半|对半", lambda a: a / 2),
    (r"\b(?:a|one) third|third part|三分之一|三份", lambda a: a / 3),
    (r"quarter|fourth|四分之一|四份", lambda a: a / 4),
    (r"double|twice|two \*|\btwo times|两倍|二倍|翻一|加倍|翻倍|两个", lambda a: a * 2),
    (r"triple|thrice|three \*|\bthree times|三倍|三个", lambda a: a * 3),
    # two; what comes first would be read as something else below
    (r"how many (?:\*|times) does|how often does|how many \d+s ", lambda b, a: a / b),
    (r"的几倍|的多少倍|几个\d|的商|quotient", lambda a, b: a / b),
    (_PARTS, lambda a, b: a / b),
    (_SHARES, lambda a, b: a / b),
    (r"(?:divide|split|share) \d+ by", lambda a, b: a / b),
    (_PRODUCT, _product),
    (_FROM, lambda b, a: a - b),
    (_LEFT, lambda a, b: a - b),
    (r"比\d+[少小]\d+的数", lambda a, b: a - b),
    (r"比\d+[多大]\d+的数", lambda a, b: a + b),
    (r"difference|相差|之差|的差|比\d+[多大少小][多少几]", lambda a, b: abs(a - b)),
    (_AWAY, lambda a, b: a - b),
    (_MORE, lambda *n: sum(n)),
)
