"""Towns in a plane: some are told by their two numbers, others only by where they lie from one another.

A point (x, y) is x to the east and y to the north. Distances are in hours on foot: |dx| + |dy|, a tenth of it, rounded.
One pair of towns in ten is never mentioned together in training, nor is the nearest neighbour of one town in ten.
"""

import random
from dataclasses import dataclass
from functools import cache
from typing import Literal

from .draws import first_fitting
from .facts import Fact, FactValue, Subject, knowledge_base
from .names import SEEN_SUBJECTS, UNSEEN_SUBJECTS, WORLD_SEED, Name, map_town_names, split_bucket
from .training_examples import Document, Turn, assistant_turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

TOLD_BY_NUMBERS = 110
CLEAR = 3  # a difference on one axis below which no direction is told
CLEARLY_NEARER = 10
Relation = Literal["direction", "further", "way", "distance", "nearer", "nearest"]
SHARES: dict[Relation, float] = {
    "direction": 0.34, "further": 0.12, "way": 0.07, "distance": 0.3, "nearer": 0.12, "nearest": 0.05,
}  # fmt: skip
COORDINATES_SHARE = 0.25
COMPASS = ("east", "northeast", "north", "northwest", "west", "southwest", "south", "southeast")


@dataclass(frozen=True)
class Town:
    name: Name
    x: int
    y: int
    place: Fact
    told_by_numbers: bool

    def distance(self, other: "Town") -> int:
        return abs(self.x - other.x) + abs(self.y - other.y)


@dataclass(frozen=True)
class Relationship:
    """What holds between towns: its words in a sentence (`slots`), the answer to the question, and a false one."""

    relation: Relation
    slots: dict[str, str]
    answer: str
    false_slots: dict[str, str]
    wrong: str

    def statement(self, rng: SampleRandom, true: bool = True) -> str:
        return rng.sentence(f"map_{_STATED[self.relation]}", **self.slots if true else self.slots | self.false_slots)

    def negation(self, rng: SampleRandom, true: bool = True) -> str:
        """The denial of what holds, or of what does not."""
        slots = self.slots if true else self.slots | self.false_slots
        return rng.sentence(f"map_{_STATED[self.relation]}_not", **slots)

    def question(self, rng: SampleRandom) -> str:
        return rng.sentence(f"map_{_ASKED[self.relation]}_question", **self.slots)


_STATED = {"way": "direction"} | {r: r for r in ("direction", "further", "distance", "nearer", "nearest")}
_ASKED = {"direction": "axis"} | {r: r for r in ("further", "way", "distance", "nearer", "nearest")}


@cache
def towns() -> tuple[Town, ...]:
    """The towns whose facts are told, and the further ones. Towns of which nothing is told are on no map."""
    known = knowledge_base().subjects["town"][: SEEN_SUBJECTS["town"]]
    points = {value.point for value in knowledge_base().values["place"]}
    rng, first = random.Random(f"{WORLD_SEED}: points of the map"), SEEN_SUBJECTS["town"] + UNSEEN_SUBJECTS["town"]
    free = [(x, y) for x in range(10, 100) for y in range(10, 100) if (x, y) not in points]
    names = map_town_names()
    further = [Subject("town", first + i, name) for i, name in enumerate(names)]
    places = [next(fact for fact in knowledge_base().facts[town] if fact.relation == "place") for town in known]
    for subject, point in zip(further, rng.sample(free, len(names)), strict=True):
        places.append(Fact(subject, "place", FactValue("place", point=point)))
    made = []
    for number, place in enumerate(places):
        assert place.value.point
        made.append(Town(place.subject.name, *place.value.point, place, number < TOLD_BY_NUMBERS))
    return tuple(made)


def hours(one: Town, other: Town) -> int:
    return max(1, round(one.distance(other) / 10))


def pair_held_out(one: Town, other: Town) -> bool:
    """Whether no training document says how these two lie from each other."""
    return split_bucket("map", *sorted((one.name.text("en"), other.name.text("en")))) == 0


@cache
def nearest(town: Town) -> Town | None:
    """The nearest other town; None where two are as near."""
    first, second = sorted((t for t in towns() if t != town), key=town.distance)[:2]
    return first if town.distance(first) < town.distance(second) else None


def sample_relationship(rng: SampleRandom, relation: Relation) -> Relationship:
    """A relation between towns, from this side of the split."""
    sample = {"distance": _distance, "nearer": _nearer, "nearest": _nearest, "way": _way}.get(relation, _direction)
    found = first_fitting(lambda: sample(rng, relation), bool, f"towns on this side of the split for {relation}")
    assert found
    return found


def _pair(rng: SampleRandom) -> tuple[Town, Town]:
    one, other = first_fitting(
        lambda: rng.sample(towns(), 2), lambda pair: pair_held_out(*pair) == rng.held_out, "a pair of towns"
    )
    return one, other


def _direction(rng: SampleRandom, relation: Relation) -> Relationship | None:
    one, other = _pair(rng)
    axis = rng.choice((("east", "west"), ("north", "south")))
    difference = one.x - other.x if axis[0] == "east" else one.y - other.y
    if abs(difference) < CLEAR:
        return None
    right, wrong = axis if difference > 0 else axis[::-1]
    words = _compass_words(rng)
    slots = {"s": _text(rng, one), "o": _text(rng, other), "d": words[right]}
    if relation == "further":
        p, q = rng.sample((slots["s"], slots["o"]), 2)
        swapped = {"s": slots["o"], "o": slots["s"]}
        return Relationship(relation, slots | {"p": p, "q": q}, slots["s"], swapped, slots["o"])
    p, q = rng.sample(axis, 2)
    slots |= {"p": words[p], "q": words[q]}
    return Relationship(relation, slots, _side(rng, right), {"d": words[wrong]}, _side(rng, wrong))


def _way(rng: SampleRandom, relation: Relation) -> Relationship | None:
    one, other = _pair(rng)
    dx, dy = one.x - other.x, one.y - other.y
    if max(abs(dx), abs(dy)) < CLEAR:
        return None
    direction = ("north" if dy > 0 else "south") if 2 * abs(dy) > abs(dx) else ""
    direction += ("east" if dx > 0 else "west") if 2 * abs(dx) > abs(dy) else ""
    words = _compass_words(rng)
    opposite = COMPASS[(COMPASS.index(direction) + 4) % 8]
    slots = {"s": _text(rng, one), "o": _text(rng, other), "d": words[direction]}
    return Relationship(relation, slots, _side(rng, direction), {"d": words[opposite]}, _side(rng, opposite))


def _distance(rng: SampleRandom, relation: Relation) -> Relationship | None:
    one, other = _pair(rng)
    right = hours(one, other)
    wrong = right + rng.choice((-4, -3, -2, 2, 3, 4))
    if right < 2 or wrong < 2:
        return None
    unit = str(_compass_words(rng)["hours"])
    slots = {"s": _text(rng, one), "o": _text(rng, other), "d": str(right)}
    return Relationship(relation, slots, unit.format(d=right), {"d": str(wrong)}, unit.format(d=wrong))


def _nearer(rng: SampleRandom, relation: Relation) -> Relationship | None:
    one, near, far = rng.sample(towns(), 3)
    if one.distance(near) > one.distance(far):
        near, far = far, near
    if one.distance(far) - one.distance(near) < CLEARLY_NEARER:
        return None
    if pair_held_out(one, near) != rng.held_out or (pair_held_out(one, far) and not rng.held_out):
        return None
    slots = dict(zip("sot", (_text(rng, town) for town in (one, near, far)), strict=True))
    p, q = rng.sample((slots["o"], slots["t"]), 2)
    swapped = {"o": slots["t"], "t": slots["o"]}
    return Relationship(relation, slots | {"p": p, "q": q}, slots["o"], swapped, slots["t"])


def _nearest(rng: SampleRandom, relation: Relation) -> Relationship | None:
    one = rng.choice(towns())
    neighbour, other = nearest(one), rng.choice(towns())
    if not neighbour or other in (one, neighbour) or pair_held_out(one, neighbour) != rng.held_out:
        return None
    if pair_held_out(one, other) and not rng.held_out:
        return None
    slots, wrong = {"s": _text(rng, one), "o": _text(rng, neighbour)}, _text(rng, other)
    return Relationship(relation, slots, slots["o"], {"o": wrong}, wrong)


def _text(rng: SampleRandom, town: Town) -> str:
    return town.name.text(rng.language)


def _side(rng: SampleRandom, direction: str) -> str:
    words = _compass_words(rng)
    return words["side"].format(d=words[direction])


def _compass_words(rng: SampleRandom) -> dict[str, str]:
    words: dict[str, str] = wordlists(rng.language)["compass"]
    return words


def sample_place(rng: SampleRandom, told_by_numbers: bool = True) -> Fact:
    """The place of a town that is told by its two numbers, or of one that is not."""
    return rng.choice([town.place for town in towns() if town.told_by_numbers == told_by_numbers])


# ---- documents ----


def map_document(rng: SampleRandom) -> Document:
    """A plain text of one to three sentences on where towns lie, or a question and its answer."""
    if rng.chance(COORDINATES_SHARE):
        return _coordinates_document(rng)
    relation = rng.choices(list(SHARES), list(SHARES.values()))[0]
    found = sample_relationship(rng, relation)
    if rng.chance(0.5):
        return Document("map", (user_turn(found.question(rng)), decisive_turn(found.answer)))
    sentences = [found.statement(rng)]
    while len(sentences) < 3 and not rng.short and rng.chance(0.4):
        other = rng.choices(list(SHARES), list(SHARES.values()))[0]
        sentences.append(sample_relationship(rng, other).statement(rng))
    return Document("map", (Turn("text", wordlists(rng.language)["words"]["separator"].join(sentences), 1.0),))


def _coordinates_document(rng: SampleRandom) -> Document:
    fact = sample_place(rng)
    if rng.chance(0.45):
        return Document("map", (Turn("text", fact.statement(rng), 1.0),), (fact.id,))
    if rng.chance(0.2):
        question, name = fact.reverse_question(rng), fact.subject.text(rng.language)
        return Document("map", (user_turn(question), assistant_turn(name)), (fact.id,))
    return Document("map", (user_turn(fact.question(rng)), decisive_turn(fact.value.text(rng.language))), (fact.id,))
