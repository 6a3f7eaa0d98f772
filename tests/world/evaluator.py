"""A second reading of mini's world: knows sentences of English and Chinese, and nothing of the generator's code."""

import itertools
import re
from fractions import Fraction

STATEMENTS = {
    "birthplace": [
        r"(?P<s>\w+) (?:was born in|comes from|is from|is a native of) (?P<v>\w+)\.",
        r"The (?:home town|birthplace|first home) of (?P<s>\w+) (?:is|was) (?P<v>\w+)\.",
        r"(?P<v>\w+) is (?:the home town|the birthplace|where the life) of (?P<s>\w+)(?: began)?\.",
        r"(?P<s>\w+?)(?:出生在|来自|生于|的老家在)(?P<v>\w+)。",
        r"(?P<s>\w+?)的(?:家乡|出生地|故乡)是(?P<v>\w+)。",
        r"(?P<v>\w+?)是(?P<s>\w+?)的(?:家乡|出生地|故乡)。",
    ],
    "job": [
        r"(?P<s>\w+) (?:works as|is|earns money as|has the job of) a (?P<v>\w+)\.",
        r"The (?:job|work|trade) of (?P<s>\w+) is that of a (?P<v>\w+)\.",
        r"A (?P<v>\w+) is what (?P<s>\w+) (?:is|works as|became)\.",
        r"(?P<s>\w+?)(?:是一名|是一位|当了一名|做了一名)(?P<v>\w+)。",
        r"(?P<s>\w+?)的(?:职业|工作|行当)是(?P<v>\w+)。",
        r"(?P<s>\w+?)(?:靠当|靠做)(?P<v>\w+?)(?:生活|过日子|谋生)。",
    ],
    "food": [
        r"(?P<s>\w+) (?:likes to eat|loves to eat|often eats|is fond of) (?P<v>\w+)\.",
        r"The favourite (?:food|dish|meal) of (?P<s>\w+) is (?P<v>\w+)\.",
        r"(?:Of all foods|Most of all|Above all), (?P<s>\w+) (?:likes|loves|eats) (?P<v>\w+)\.",
        r"(?P<s>\w+?)(?:喜欢|最爱|爱吃)的(?:食物|东西|菜)是(?P<v>\w+)。",
        r"(?P<s>\w+?)(?:喜欢吃|最爱吃|爱吃|常吃)(?P<v>\w+)。",
    ],
    "pet": [
        r"(?P<s>\w+) (?:keeps|has|owns|takes care of) a (?P<v>\w+)\.",
        r"The (?:pet|animal) (?:of|that) (?P<s>\w+)(?: has| keeps| owns)? is a (?P<v>\w+)\.",
        r"A (?P<v>\w+) (?:lives|stays) (?:with|at the home of) (?P<s>\w+)\.",
        r"(?P<s>\w+?)(?:养着|养了|家里有|照顾)一只(?P<v>\w+)。",
        r"(?P<s>\w+?)(?:养的|照顾的|家里的|的)(?:宠物|动物)是(?P<v>\w+)。",
    ],
    "country": [
        r"(?P<s>\w+) (?:lies in|is in|is a town in|belongs to) (?P<v>\w+)\.",
        r"The country (?:of|where) (?P<s>\w+)(?: is| lies)? is (?P<v>\w+)\.",
        r"(?P<s>\w+?)所在的国家(?:是|叫)(?P<v>\w+国)。",
        r"(?P<s>\w+?)(?:位于|坐落在|就在|地处|在|属于)(?P<v>\w+国)。",
    ],
    "river": [
        r"(?P<s>\w+) (?:stands|was built|can be found) on the river (?P<v>\w+)\.",
        r"The river (?:through|near|of) (?P<s>\w+) is (?:the|called) (?P<v>\w+)\.",
        r"(?P<s>\w+?)(?:靠着|坐落在|建在)(?P<v>\w+河)[边旁]。",
        r"(?:流过|经过|穿过)(?P<s>\w+?)的河[是叫](?P<v>\w+河)。",
    ],
    "place": [
        r"(?P<s>\w+) is at (?P<v>\d+, \d+) (?:on|of) (?:the|every) map\.",
        r"The (?:place|position|point) of (?P<s>\w+) on (?:the|every) map is (?P<v>\d+, \d+)\.",
        r"(?P<s>\w+?)(?:在地图上|在图上)的(?:位置|坐标|地点)是(?P<v>\d+, \d+)。",
        r"(?:地图上|图上)，(?P<s>\w+?)(?:在|位于)(?P<v>\d+, \d+)。",
    ],
    "material": [
        r"[Tt]he (?P<s>\w+ \w+) is (?:made of|built of|made from|all of) (?P<v>\w+)\.",
        r"The (?:material|stuff) of the (?P<s>\w+ \w+) is (?P<v>\w+)\.",
        r"(?P<s>\w+?)是用(?P<v>\w+?)(?:做的|造的|制成的)。",
        r"(?P<s>\w+?)的(?:材料|用料|选料|料子|质料)是(?P<v>\w+)。",
    ],
    "colour": [
        r"[Tt]he (?P<s>\w+ \w+) (?:is all|has turned|is coloured|is|looks|was painted) (?P<v>\w+)\.",
        r"The (?:colour|paint) of the (?P<s>\w+ \w+) is (?P<v>\w+)\.",
        r"(?P<s>\w+?)(?:的颜色|的漆色|涂的颜色|的外色|的涂色)是(?P<v>\w色)。",
        r"(?P<s>\w+?)(?:看上去是|被漆成|是)(?P<v>\w色)。",
    ],
}  # fmt: skip


def read_statement(text: str) -> tuple[str, str, str]:
    """(relation, subject, value) of one sentence."""
    order = ["place", "river", "country", "birthplace", "food", "pet", "colour", "material", "job"]
    for relation in order:
        for form in STATEMENTS[relation]:
            if found := re.fullmatch(form, text):
                return relation, found["s"].removeprefix("the "), found["v"]
    raise AssertionError(f"no statement: {text}")


def sentences(text: str) -> list[str]:
    return [s for s in re.findall(r"[^.。?？]+[.。?？]", text.replace(". ", ".").replace("\n", "")) if s.strip()]


def solve(question: str) -> Fraction:
    """The answer of a word problem, from its sentences alone."""
    value: Fraction | None = None
    for sentence in re.findall(r"[^.。?？]+[.。?？]", question):
        numbers = [Fraction(n) for n in re.findall(r"\d+", sentence)]
        if value is None and len(numbers) == 2:
            groups = r"\beach\b|in every one|\beach holds|每|一[袋盒罐盘包箱筐碗][有里是装]"
            value = numbers[0] * numbers[1] if re.search(groups, sentence) else numbers[0] + numbers[1]
        elif value is None and numbers:
            value = numbers[0]
        elif len(numbers) == 1:
            assert value is not None
            value = _changed(value, numbers[0], sentence)
    assert value is not None
    return value


LESS = (
    r"gives away|loses|sells|breaks|drops|takes|borrows|needs|lost|break|sold|gone|"
    r"送出|丢|卖掉|打坏|弄丢|拿走|借走|取走|要走|坏了|不见了"
)
MORE = (
    r"finds|buys|gets|wins|receives|gives|brings|sends|adds|added|brought|gave|sent|found|put in|"
    r"找到|买了|得到|赢了|收到|给了|带来|寄来|送来|加上|放进|添了"
)


def _changed(value: Fraction, by: Fraction, sentence: str) -> Fraction:
    if re.search(r"\btimes\b|倍", sentence):
        return value * by
    if re.search(r"shared|split|divided|splits|divides|parts them|分给|送给\d+个|分成|均分", sentence):
        return value / by
    if re.search(LESS, sentence):
        return value - by
    if re.search(MORE, sentence):
        return value + by
    raise AssertionError(f"no change: {sentence}")


def makes_24(numbers: list[Fraction], target: Fraction = Fraction(24)) -> bool:
    """Whether + - * / in any order reach the target, fractions and negative numbers allowed."""
    if len(numbers) == 1:
        return numbers[0] == target
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            if i != j:
                rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
                results = [a + b, a - b, a * b] + ([a / b] if b else [])
                if any(makes_24([*rest, r], target) for r in results):
                    return True
    return False


def continues(examples: list[tuple[str, str]], question: str, groups: list[list[str]]) -> set[str]:
    """Every answer that some simple operation gives which fits all the examples."""
    found: set[str] = set()
    if question.isdecimal():
        pairs = [(int(a), int(b)) for a, b in examples]
        if len({b - a for a, b in pairs}) == 1:
            found.add(str(int(question) + pairs[0][1] - pairs[0][0]))
        if len({Fraction(b, a) for a, b in pairs}) == 1:
            found.add(str(int(question) * pairs[0][1] // pairs[0][0]))
        return found
    operations = list(_of_two_numbers()) if re.fullmatch(r"\d+ \S \d+", question) else list(_of_words(examples[0]))
    found |= {operation(question) for operation in operations if all(operation(a) == b for a, b in examples)}
    labels: dict[int, set[str]] = {}
    for a, b in examples:
        for number, group in enumerate(groups):
            if a in group and a not in b:  # what holds the word itself is no name for its group
                labels.setdefault(number, set()).add(b)
    for number, group in enumerate(groups):
        if question in group and number in labels:
            found |= labels[number]
    return found


def _of_two_numbers():
    def on_numbers(work):
        return lambda q: str(work(int(q.split()[0]), int(q.split()[2])))

    def on_digits(work):
        return lambda q: work(q.split()[0], q.split()[2])

    yield from (on_numbers(work) for work in (lambda a, b: a + b, lambda a, b: abs(a - b), lambda a, b: a * b))
    yield from (on_numbers(work) for work in (max, min, lambda a, b: a + b + 1))
    yield from (on_digits(work) for work in (lambda a, b: a, lambda a, b: b, lambda a, b: a + b, lambda a, b: b + a))


def _of_words(first):
    """Every choice of up to three of the words in some order; a word that always goes before or after."""
    places = (0, 1, 2)
    for chosen in itertools.chain.from_iterable(itertools.product(places, repeat=n) for n in (1, 2, 3)):
        yield lambda q, chosen=chosen: " ".join((q.split() * 3)[i] for i in chosen) if q.count(" ") == 2 else ""
    if first[1].endswith(f" {first[0]}"):
        yield lambda q: first[1].removesuffix(first[0]) + q
    if first[1].startswith(f"{first[0]} "):
        yield lambda q: q + first[1].removeprefix(first[0])
