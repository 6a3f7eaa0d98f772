"""The stories of word problems while they are told: a chain of calculations with a sentence of the grammar for each."""

from dataclasses import dataclass, field

from .people import sample_people
from .vocabulary import SampleRandom, wordlists

LARGEST = 999


class NoSuchNumbers(Exception):
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
            raise NoSuchNumbers
        self.value = result
        self.chain.append((f"{first}{sign}{second}", result))

    def say(self, rule: str, **numbers: int) -> str:
        """A clause by `rule`; returns its form, from which the order of the numbers can be read."""
        form = self._form(rule)
        self.clauses.append((rule, form.format(**self.slots, **numbers).strip()))
        return form

    def ask(self, rule: str, **numbers: int) -> str:
        """The question by `rule`; returns its form."""
        form = self._form(rule)
        slots = self.slots
        compared = bool(self.clauses) and self.clauses[0][0].startswith("compare")  # "he" could be either
        if self.clauses and not compared and self.rng.chance(0.35):
            slots = slots | self.people[0].later_slots
        self.question, self.question_rule = form.format(**slots, **numbers), rule
        return form

    def _form(self, rule: str) -> str:
        for _ in range(60):
            form = self.rng.form(rule)
            if not self.plain_names or "{item}" in form or rule.startswith("distractor"):
                return form
        raise NoSuchNumbers

    def set_thing(self, kind: str) -> None:
        """What is counted, where it is, and what it is packed in."""
        words, rng = wordlists(self.rng.language)["nouns"], self.rng
        self.slots |= _noun(rng, "item", "one", "u", "food" if kind == "stock" and rng.chance(0.4) else kind)
        self.slots |= _noun(rng, "box", "a_box", "box_n", "boxes") | _noun(rng, "goods", "good", "good_u", "goods")
        self.slots |= _noun(rng, "other", "other_one", "other_u", rng.choice(("thing", "food")))
        if self.slots["other"] == self.slots["item"]:
            raise NoSuchNumbers
        self.slots["coin"] = str(rng.choice(("coins", "dollars", "euros")))
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


def sizes(rng: SampleRandom, n: int) -> list[int]:
    """Numbers to begin with: most of two digits, now and then larger."""
    chance = rng.random()
    largest = 600 if chance < 0.06 else 300 if chance < 0.2 else 99
    return [rng.randint(2 if rng.chance(0.3) else 5, largest) for _ in range(n)]


def as_told(form: str, **numbers: int) -> list[int]:
    """The numbers in the order in which the form tells them: that of the calculation, where it does not matter."""
    return [numbers[key] for key in sorted(numbers, key=lambda key: form.index("{" + key + "}"))]
