"""The plots of word problems: openings tell what there is at first, changes follow, and a question, or an ending that
brings a last calculation, closes it."""

from collections.abc import Callable

from .people import Person, sample_people
from .problem_notes import note_problem
from .problem_scenes import scene_problem
from .problem_stories import NoSuchNumbers, Story, as_told, sizes
from .vocabulary import SampleRandom
from .whole_problems import whole_problem

KINDS = {"thing": 34, "food": 22, "money": 16, "crowd": 13, "stock": 15}
PLACED = ("crowd", "stock")  # these are somewhere, and belong to nobody in particular
SCENE_SHARE = {1: 0.5, 2: 0.5, 3: 0.4, 4: 0.25}
NOTE_SHARE = 0.1
WHOLE_SHARE = {1: 0.45, 2: 0.3}
COMPARISON_SHARE = 0.12
ENDING_SHARE = 0.3
DISTRACTOR_SHARE = 0.2


def tell_story(rng: SampleRandom, steps: int) -> Story:
    """A story of `steps` calculations."""
    while True:
        story = Story(rng, steps)
        try:
            _sample_plot(rng, steps)(story)
        except NoSuchNumbers:
            continue
        if len(story.chain) == steps:
            return story


def _sample_plot(rng: SampleRandom, steps: int) -> Callable[[Story], None]:
    if rng.chance(SCENE_SHARE.get(steps, 0)):
        return scene_problem
    if rng.chance(NOTE_SHARE):
        return note_problem
    chance = rng.random()
    if chance < WHOLE_SHARE.get(steps, 0):
        return whole_problem
    return _comparison if chance > 1 - COMPARISON_SHARE else _changes


# ---- who has more than whom ----


def _comparison(story: Story) -> None:
    """Each has more or less than the one before; the question is on the last."""
    story.set_thing(story.rng.choice(("thing", "food")))
    a = sizes(story.rng, 1)[0]
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
    sign = rng.choice(
        ["more", "more", "less", "less", *["times"] * (value <= 99), "twice", *["half"] * (value % 2 == 0)]
    )
    b = {"times": rng.randint(3, 5), "twice": 2, "half": 2, "less": rng.randint(2, max(2, min(value - 1, 60)))}.get(
        sign, rng.randint(2, 60)
    )
    story.say(f"{rule}_{sign}", b=b, **known)
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
    story.value = sizes(story.rng, 1)[0]
    story.say(_rule("start", kind), a=story.value)


def _open_with_sum(story: Story, kind: str) -> None:
    a, b = sizes(story.rng, 2)
    form = story.say(_rule("sum", kind), a=a, b=b)
    story.start("+", *as_told(form, a=a, b=b))


def _open_with_less(story: Story, kind: str) -> None:
    a = max(4, sizes(story.rng, 1)[0])
    d = story.rng.randint(2, a - 1)
    story.say({"crowd": "crowd_minus", "stock": "stock_minus"}.get(kind, "start_minus"), a=a, d=d)
    story.start("-", a, d)


def _open_with_product(story: Story, kind: str) -> None:
    a, b = story.rng.randint(2, 9), story.rng.randint(2, 20)
    form = story.say(_rule("product", kind), a=a, b=b)
    story.start("*", *as_told(form, a=a, b=b))


def _open_with_three(story: Story, kind: str) -> None:
    a, b, c = sizes(story.rng, 3)
    story.say("sum_three", a=a, b=b, c=c)
    story.start("+", a, b)
    story.calculate("+", c)


def _open_with_product_and_more(story: Story, kind: str) -> None:
    a, b, c = story.rng.randint(2, 9), story.rng.randint(2, 20), sizes(story.rng, 1)[0]
    form = story.say("base_plus_product", a=a, b=b, c=c)
    story.start("*", *as_told(form, a=a, b=b))
    story.calculate("+", c, reverse=True)


def _open_with_product_and_less(story: Story, kind: str) -> None:
    a, b = story.rng.randint(2, 9), story.rng.randint(2, 12)
    c = a * b + story.rng.randint(1, 90)
    form = story.say("base_minus_product", a=a, b=b, c=c)
    story.start("*", *as_told(form, a=a, b=b))
    story.calculate("-", c, reverse=True)


def _change(story: Story, kind: str) -> None:
    rng, value = story.rng, story.value
    divisors = [d for d in range(2, 10) if value % d == 0 and value // d > 1]
    changes = ["plus"] * 4 + ["minus"] * 6 * (value > 4)
    if not story.plain_names:
        changes += (
            ["times"] * 2 * (value <= 150) + ["double"] * (value <= 300) + ["halve"] * (value % 2 == 0 < value - 2)
        )
        changes += ["divided"] * 2 * (bool(divisors) and kind in ("thing", "food"))
    change = rng.choice(changes)
    rule = _change_rule(rng, change, kind)
    if change in ("double", "halve"):
        story.say(rule)
        story.calculate("*" if change == "double" else "/", 2)
        return
    largest = {"plus": 60 if rng.chance(0.9) else 250, "minus": max(2, min(value - 1, 90)), "times": 5}
    d = rng.choice(divisors) if change == "divided" else rng.randint(2, largest[change])
    story.say(rule, d=d)
    story.calculate({"plus": "+", "minus": "-", "times": "*", "divided": "/"}[change], d)


def _change_rule(rng: SampleRandom, change: str, kind: str) -> str:
    if change in ("plus", "minus"):
        special = {"plus": 0.2, "minus": 0.6}[change]
        kind = "thing" if kind == "food" and not rng.chance(special) else kind
        return f"{change}_things" if kind == "thing" else f"{change}_{kind}"
    if change == "halve" and kind == "crowd":
        return "halve_crowd"
    if change == "divided":
        return "divided_things"
    general = {"times": "times_all", "double": "double", "halve": "halve"}[change]
    owned = "times_things" if change == "times" else f"{change}_thing"
    return owned if kind in ("thing", "food") and rng.chance(0.6) else general


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
