"""The stories of word problems: what is had, how it changes, what is asked, in sentences of the grammar.

A story is a chain of calculations with a sentence for each. Openings tell what there is at first, changes follow, and a
question, or an ending that brings a last calculation, closes it. Some problems of one or two steps are a form as a whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from .people import Person, sample_people
from .vocabulary import SampleRandom, wordlists

LARGEST = 999
KINDS = {"thing": 34, "food": 22, "money": 16, "crowd": 13, "stock": 15}
PLACED = ("crowd", "stock")  # these are somewhere, and belong to nobody in particular
WHOLE_SHARE = {1: 0.45, 2: 0.3}
COMPARISON_SHARE = 0.12
ENDING_SHARE = 0.3
DISTRACTOR_SHARE = 0.2


class _NoSuchNumbers(Exception):
    """The numbers drawn so far allow no further step of the kind that was drawn."""


@dataclass
class Story:
    """A story while it is told: `clauses` are (rule, words without the last sign)."""

    rng: SampleRandom
    steps: int
    chain: list[tuple[str, int]] = field(default_factory=list)
    clauses: list[tuple[str, str]] = field(default_factory=list)
    question: str = ""
    question_rule: str = ""
    value: int = 0
    plain_names: bool = False  # every clause names what is counted, as a distractor counts something else
    slots: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.people = sample_people(self.rng)
        n, m, k = self.people
        self.slots = dict(n.slots) | {"m": m.name, "k": k.name}
        if self.rng.language == "en":
            self.slots["m_his"] = m.slots["his"]

    def calculate(self, sign: str, operand: int, *, reverse: bool = False) -> None:
        """One more step of the chain, with the value so far as the first operand (the second one in `reverse`)."""
        first, second = (operand, self.value) if reverse else (self.value, operand)
        self.start(sign, first, second)

    def start(self, sign: str, first: int, second: int) -> None:
        """A step with two operands."""
        result = {"+": first + second, "-": first - second, "*": first * second, "/": first // max(second, 1)}[sign]
        if not 0 < result <= LARGEST or (sign == "/" and first % second):
            raise _NoSuchNumbers
        self.value = result
        self.chain.append((f"{first}{sign}{second}", result))

    def say(self, rule: str, *, pronouns: bool = True, **numbers: int) -> str:
        """A clause by `rule`; returns its form, from which the order of the numbers can be read."""
        form = self._form(rule)
        slots = self.slots
        if pronouns and self.clauses and self.rng.chance(0.4):
            slots = slots | self.people[0].later_slots
        self.clauses.append((rule, form.format(**slots, **numbers).strip()))
        return form

    def ask(self, rule: str, **numbers: int) -> str:
        """The question by `rule`; returns its form."""
        form = self._form(rule)
        slots = self.slots
        if self.clauses and self.rng.chance(0.35):
            slots = slots | self.people[0].later_slots
        self.question, self.question_rule = form.format(**slots, **numbers), rule
        return form

    def _form(self, rule: str) -> str:
        for _ in range(60):
            form = self.rng.form(rule)
            if not self.plain_names or "{item}" in form or rule.startswith("distractor"):
                return form
        raise _NoSuchNumbers

    def set_thing(self, kind: str) -> None:
        """What is counted, where it is, and what it is packed in."""
        words, rng = wordlists(self.rng.language)["nouns"], self.rng
        self.slots |= _noun(rng, "item", "one", "u", "food" if kind == "stock" and rng.chance(0.4) else kind)
        self.slots |= _noun(rng, "box", "a_box", "box_n", "boxes") | _noun(rng, "goods", "good", "good_u", "goods")
        self.slots |= _noun(rng, "other", "other_one", "other_u", rng.choice(("thing", "food")))
        if self.slots["other"] == self.slots["item"]:
            raise _NoSuchNumbers
        self.slots["building"] = str(rng.choice(words["buildings"]))
        if kind == "stock":
            self.slots["place"] = str(rng.choice(words["stock"]))
        self.slots["place_c"] = self.slots.get("place", "")


def _noun(rng: SampleRandom, plural: str, singular: str, measure: str, table: str) -> dict[str, str]:
    """A noun in its slots: plural and singular in English, with its measure word in Chinese."""
    if table == "thing" and rng.chance(0.08):
        return _invented_noun(rng, plural, singular, measure)
    words = wordlists(rng.language)["nouns"]
    word, *rest = str(rng.choice(words["thing" if table == "stock" else table])).split("/")
    if rng.language == "en":
        place = {"place": rest[0]} if table == "crowd" else {}
        return {plural: word, singular: word if place else rest[0]} | place
    place = {"place": rest[1]} if table == "crowd" else {}
    return {plural: word, measure: rest[0]} | place


def _invented_noun(rng: SampleRandom, plural: str, singular: str, measure: str) -> dict[str, str]:
    word = rng.name().text(rng.language).lower()
    return {plural: f"{word}s", singular: word} if rng.language == "en" else {plural: word, measure: "个"}


def tell_story(rng: SampleRandom, steps: int) -> Story:
    """A story of `steps` calculations."""
    while True:
        story = Story(rng, steps)
        try:
            _sample_plot(rng, steps)(story)
        except _NoSuchNumbers:
            continue
        if len(story.chain) == steps:
            return story


def _sample_plot(rng: SampleRandom, steps: int) -> Callable[[Story], None]:
    chance = rng.random()
    if chance < WHOLE_SHARE.get(steps, 0):
        return _whole_problem
    return _comparison if chance > 1 - COMPARISON_SHARE else _changes


# ---- problems that are one form ----


def _whole_problem(story: Story) -> None:
    rng = story.rng
    story.set_thing(rng.choice(("thing", "food")))
    plots = _WHOLE_OF_ONE if story.steps == 1 else _WHOLE_OF_TWO
    plots[rng.choice(list(plots))](story)


def _whole_sum(story: Story) -> None:
    a, b = _sizes(story.rng, 2)
    form = story.ask("full_together", a=a, b=b)
    story.start("+", *_as_told(form, a=a, b=b))


def _whole_more(story: Story) -> None:
    a, b = _sizes(story.rng, 1)[0], story.rng.randint(2, 40)
    story.ask("full_more", a=a, b=b)
    story.start("+", a, b)


def _whole_less(rule: str) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        a = _sizes(story.rng, 1)[0]
        b = story.rng.randint(2, max(2, min(a - 1, 90)))
        story.ask(rule, a=a, b=b)
        story.start("-", a, b)

    return tell


def _whole_product(rule: str, largest: int = 20) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        a, b = story.rng.randint(2, largest), story.rng.randint(2, 9)
        form = story.ask(rule, a=a, b=b)
        story.start("*", *_as_told(form, a=a, b=b))

    return tell


def _whole_by_two(rule: str, sign: str) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        a = 2 * story.rng.randint(2, 45)
        story.ask(rule, a=a)
        story.start(sign, a, 2)

    return tell


def _whole_quotient(rule: str, divided: str = "a") -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        divisor, result = story.rng.randint(2, 9), story.rng.randint(2, 30)
        whole, part = (divisor * result, divisor) if divided == "a" else (divisor, divisor * result)
        story.ask(rule, a=whole, b=part)
        story.start("/", divisor * result, divisor)

    return tell


def _whole_sum_of_three(story: Story) -> None:
    a, b, c = _sizes(story.rng, 3)
    form = story.ask("full_together_three", a=a, b=b, c=c)
    first, second, third = _as_told(form, a=a, b=b, c=c)
    story.start("+", first, second)
    story.calculate("+", third)


def _whole_rest(rule: str) -> Callable[[Story], None]:
    """What is left of c after a times b."""

    def tell(story: Story) -> None:
        a, b = story.rng.randint(2, 9), story.rng.randint(2, 20)
        c = a * b + story.rng.randint(1, 90)
        form = story.ask(rule, a=a, b=b, c=c)
        story.start("*", *_as_told(form, a=a, b=b))
        story.calculate("-", c, reverse=True)

    return tell


def _whole_unit(story: Story) -> None:
    a, each, c = story.rng.randint(2, 9), story.rng.randint(2, 12), story.rng.randint(2, 12)
    if a == c:
        raise _NoSuchNumbers
    story.ask("full_unit_more", a=a, b=a * each, c=c)
    story.start("/", a * each, a)
    story.calculate("*", c)


_WHOLE_OF_ONE: dict[str, Callable[[Story], None]] = {
    "sum": _whole_sum,
    "more": _whole_more,
    "less": _whole_less("full_less"),
    "difference": _whole_less("full_difference"),
    "price": _whole_product("full_price"),
    "rate": _whole_product("full_rate", 60),
    "times": _whole_product("full_times", 40),
    "twice": _whole_by_two("full_twice", "*"),
    "half": _whole_by_two("full_half", "/"),
    "share": _whole_quotient("full_share"),
    "pack": _whole_quotient("full_pack"),
    "unit": _whole_quotient("full_unit", "b"),
}
_WHOLE_OF_TWO: dict[str, Callable[[Story], None]] = {
    "sum": _whole_sum_of_three,
    "change": _whole_rest("full_change"),
    "left": _whole_rest("full_rate_left"),
    "unit": _whole_unit,
}


# ---- who has more than whom ----


def _comparison(story: Story) -> None:
    """Each has more or less than the one before; the question is on the last."""
    story.set_thing(story.rng.choice(("thing", "food")))
    a = _sizes(story.rng, 1)[0]
    story.value = a
    _compare(story, "compare", a=a)
    previous = story.people[0]
    while len(story.chain) < story.steps:
        following = _someone_new(story)
        story.slots |= previous.slots | {"k": following.name}
        _compare(story, "next")
        previous = following
    story.ask("ask_next" if len(story.chain) > 1 else "ask_thing")


def _someone_new(story: Story) -> Person:
    while True:
        person = sample_people(story.rng)[1]
        if not any(person.name in clause for _, clause in story.clauses):
            return person


def _compare(story: Story, rule: str, **known: int) -> None:
    rng, value = story.rng, story.value
    sign = rng.choice(["more", "more", "less", "less", *["times"] * (value <= 99), "twice", *["half"] * (value % 2 == 0)])
    b = {"times": rng.randint(3, 5), "twice": 2, "half": 2, "less": rng.randint(2, max(2, min(value - 1, 60)))}.get(
        sign, rng.randint(2, 60)
    )
    story.say(f"{rule}_{sign}", pronouns=False, b=b, **known)
    story.calculate({"more": "+", "less": "-", "times": "*", "twice": "*", "half": "/"}[sign], b)


# ---- what is had, and how it changes ----


def _changes(story: Story) -> None:
    rng = story.rng
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    story.set_thing(kind)
    story.plain_names = distracted = rng.chance(DISTRACTOR_SHARE) and not rng.short
    _open(story, kind)
    ends = kind not in PLACED and len(story.chain) < story.steps and rng.chance(ENDING_SHARE)
    while len(story.chain) < story.steps - ends:
        _change(story, kind)
    if distracted:
        rule = rng.choice(("distractor_number", "distractor_number", "distractor_plain"))
        place = rng.randint(1, len(story.clauses))
        story.say(rule, e=rng.randint(2, 90))
        story.clauses.insert(place, story.clauses.pop())
    if ends:
        _end(story, kind)
    else:
        left = story.chain[-1][0].find("-") > 0 and rng.chance(0.6)
        rule = ("ask_place" if kind in PLACED else "ask_thing") if not left else _LEFT[kind in PLACED]
        story.ask(rule)


_LEFT = ("ask_left", "ask_place_left")


def _sizes(rng: SampleRandom, n: int) -> list[int]:
    """Numbers to begin with: most of two digits, now and then larger."""
    largest = 300 if rng.chance(0.12) else 99
    return [rng.randint(2 if rng.chance(0.3) else 5, largest) for _ in range(n)]


def _as_told(form: str, **numbers: int) -> list[int]:
    """The numbers in the order in which the form tells them: that of the calculation, where it does not matter."""
    return [numbers[key] for key in sorted(numbers, key=lambda key: form.index("{" + key + "}"))]


def _open(story: Story, kind: str) -> None:
    left = story.steps
    plots: list[Callable[[Story, str], None]] = [_open_with_one, _open_with_one, _open_with_product, _open_with_product]
    plots += [_open_with_sum] * (kind != "money") + [_open_with_less] * (kind != "money")
    if left >= 2 and kind in ("thing", "food"):
        plots += [_open_with_three, _open_with_product_and_more, _open_with_product_and_less]
    story.rng.choice(plots)(story, kind)


def _rule(prefix: str, kind: str) -> str:
    return f"{prefix}_{'thing' if kind == 'food' else kind}"


def _open_with_one(story: Story, kind: str) -> None:
    story.value = _sizes(story.rng, 1)[0]
    story.say(_rule("start", kind), a=story.value)


def _open_with_sum(story: Story, kind: str) -> None:
    a, b = _sizes(story.rng, 2)
    form = story.say(_rule("sum", kind), a=a, b=b)
    story.start("+", *_as_told(form, a=a, b=b))


def _open_with_less(story: Story, kind: str) -> None:
    a = max(4, _sizes(story.rng, 1)[0])
    d = story.rng.randint(2, a - 1)
    story.say({"crowd": "crowd_minus", "stock": "stock_minus"}.get(kind, "start_minus"), a=a, d=d)
    story.start("-", a, d)


def _open_with_product(story: Story, kind: str) -> None:
    a, b = story.rng.randint(2, 9), story.rng.randint(2, 20)
    form = story.say(_rule("product", kind), a=a, b=b)
    story.start("*", *_as_told(form, a=a, b=b))


def _open_with_three(story: Story, kind: str) -> None:
    a, b, c = _sizes(story.rng, 3)
    story.say("sum_three", a=a, b=b, c=c)
    story.start("+", a, b)
    story.calculate("+", c)


def _open_with_product_and_more(story: Story, kind: str) -> None:
    a, b, c = story.rng.randint(2, 9), story.rng.randint(2, 20), _sizes(story.rng, 1)[0]
    form = story.say("base_plus_product", a=a, b=b, c=c)
    story.start("*", *_as_told(form, a=a, b=b))
    story.calculate("+", c, reverse=True)


def _open_with_product_and_less(story: Story, kind: str) -> None:
    a, b = story.rng.randint(2, 9), story.rng.randint(2, 12)
    c = a * b + story.rng.randint(1, 90)
    form = story.say("base_minus_product", a=a, b=b, c=c)
    story.start("*", *_as_told(form, a=a, b=b))
    story.calculate("-", c, reverse=True)


def _change(story: Story, kind: str) -> None:
    rng, value = story.rng, story.value
    owned = kind not in PLACED
    divisors = [d for d in range(2, 10) if value % d == 0 and value // d > 1]
    changes = ["plus"] * 4 + ["minus"] * 6 * (value > 4)
    if not story.plain_names:
        changes += ["times"] * 2 * (value <= 150) + ["double"] * (value <= 300) + ["halve"] * (value % 2 == 0 < value - 2)
        changes += ["divided"] * 2 * (bool(divisors) and kind in ("thing", "food"))
    change = rng.choice(changes)
    rule = _change_rule(rng, change, kind, owned)
    if change in ("double", "halve"):
        story.say(rule)
        story.calculate("*" if change == "double" else "/", 2)
        return
    largest = {"plus": 60 if rng.chance(0.9) else 250, "minus": max(2, min(value - 1, 90)), "times": 5}
    d = rng.choice(divisors) if change == "divided" else rng.randint(2, largest[change])
    story.say(rule, d=d)
    story.calculate({"plus": "+", "minus": "-", "times": "*", "divided": "/"}[change], d)


def _change_rule(rng: SampleRandom, change: str, kind: str, owned: bool) -> str:
    if change in ("plus", "minus"):
        special = {"plus": 0.2, "minus": 0.6}[change]
        return f"{change}_{'thing' if kind == 'food' and not rng.chance(special) else kind}"
    if change == "halve" and kind == "crowd":
        return "halve_crowd"
    if change == "divided":
        return "divided_thing"
    general = {"times": "times_all", "double": "double", "halve": "halve"}[change]
    return f"{change}_thing" if owned and rng.chance(0.6) else general


def _end(story: Story, kind: str) -> None:
    rng, value = story.rng, story.value
    divisors = [d for d in range(2, 13) if value % d == 0 and value // d > 1]
    endings = ["more"] * (value > 3) + ["less", "target", "total"]
    if kind != "money":
        endings += ["share", "share", "pack", "pack"] * bool(divisors) + ["price"] * (value <= 99)
    elif divisors:
        endings += ["share", "share"]
    ending = rng.choice(endings)
    d = rng.choice(divisors) if ending in ("share", "pack") else _last_operand(rng, ending, value)
    story.ask(f"end_{ending}", d=d)
    sign = {"more": "-", "less": "-", "target": "-", "total": "+", "price": "*"}.get(ending, "/")
    story.calculate(sign, d, reverse=ending in ("less", "target"))


def _last_operand(rng: SampleRandom, ending: str, value: int) -> int:
    if ending == "more":
        return rng.randint(2, value - 1)
    if ending in ("less", "target"):
        return value + rng.randint(2, 60)
    return rng.randint(2, 9 if ending == "price" else 99)
