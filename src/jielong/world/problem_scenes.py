"""Word problems whose situation is one form of the grammar as a whole: bus rides, rents, rows of seats, days of a week.

`_SCENES` says how the numbers of a scene are calculated and drawn; what the user types is in the rules `situation_…`.
"""

import re
from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .grammar import grammar
from .problem_stories import LARGEST, NoSuchNumbers, Story
from .vocabulary import SampleRandom

# name: the calculation, @ being the value so far; numbers from-to/multiples of. A language may leave a scene out.
_SCENES = """
week: a*7; a 2-30
dozens: a*12; a 2-12
pairs: a*2; a 3-90
both_ways: a*2; a 4-250
wheels_four: a*4; a 3-60
months: a*12; a 2-12
sixty: a*60; a 2-9
weeks_of: a/7; a 14-98/7
tables: a*b; a 2-20, b 2-12
daily: a*b; a 2-40, b 2-12
sized: a*b; a 3-90, b 2-9
price_all: a*b; a 2-25, b 2-40
doses: a*b; a 2-9, b 10-150/10
per_member: a*b; a 3-60, b 2-9
in_rows: a/b; a 8-144, b 2-12
per_person: a/b; a 20-900/10, b 2-9
over_days: a/b; a 12-150, b 2-9
save_up: a/b; a 30-400/5, b 5-50/5
one_of_pack: a/b; a 6-96, b 2-12
needed_units: a/b; a 12-150, b 2-12
put_on: a/b; a 12-150, b 2-12
hours_between: b-a; a 1-11, b 5-12
hour_later: a+b; a 1-8, b 2-4
two_amounts: a+b; a 3-300, b 3-300
two_groups: a+b; a 2-60, b 2-60
three_amounts: a+b @+c; a 3-120, b 3-120, c 3-120
eaten: a-b; a 9-99, b 2-60
got_more: a+b; a 4-150, b 2-90
needed_more: a-b; a 10-300, b 3-200
empty: a-b; a 12-300, b 3-200
other_kind: a-b; a 20-400, b 5-300
older: a+b; a 4-60, b 2-30
younger: a-b; a 20-90, b 2-60
taller: a-b; a 60-210, b 40-200
fewer_sold: a-b; a 20-400, b 3-90
more_sold: a+b; a 9-400, b 3-90
borrowed: a-b @+c; a 60-600/5, b 10-200, c 5-150
took_twice: a-b @-c; a 30-400, b 2-150, c 2-150
rest_kind: b+c a-@; a 40-400, b 5-150, c 5-150
two_costs: b+c a-@; a 40-300/10, b 5-120, c 5-120
trips: b*c a-@; a 30-400/5, b 2-25, c 2-9
drained: b*c a-@; a 30-100, b 2-15, c 2-8
shelves_lent: a*b @-c; a 2-15, b 4-50, c 2-90
still_to_make: a*b @-c; a 2-12, b 3-25, c 5-150
box_capacity: a*b @-c; a 2-12, b 10-60, c 5-200
rows_more: a*b @+c; a 2-12, b 2-30, c 2-60
half_then: a/2 @+c; a 10-300/2, c 2-90
rows_half: a*b @/2; a 2-12, b 2-40
years_half: a*b @/2; a 2-12, b 4-60/2
rows_half_more: a*b @/2 @+c; a 2-12, b 2-24, c 2-60
less_together: a-b a+@; a 12-250, b 2-60
more_together: a+b a+@; a 5-250, b 2-60
times_together: a*b a+@; a 5-120, b 2-4
half_together: a/2 a+@; a 10-300/2
age_times_less: a*b @-c; a 4-18, b 2-4, c 2-7
age_times_more: a*b @+c; a 4-18, b 2-4, c 2-9
more_times_less: a*b @-c; a 5-90, b 2-6, c 2-30
more_times_more: a*b @+c; a 5-90, b 2-6, c 2-30
teams_out: a/b @-c; a 12-150, b 2-12, c 2-9
gave_one_bag: a/b a-@; a 12-150, b 3-10
parts_used: a/b @*c; a 12-150, b 3-10, c 2-7
packs_to_groups: a*b @/c; a 2-9, b 4-40, c 2-9
packs_last: a*b @/c; a 2-9, b 6-40, c 2-12
rest_shared: a-b @/c; a 20-150, b 3-90, c 2-8
sum_shared: a+b @/c; a 10-700/5, b 5-200/5, c 2-6
fee_shared: a-b @/c; a 30-300/5, b 5-50/5, c 2-8
with_me: b+1 a/@; a 12-900, b 2-7
two_a_day: a+b @*c; a 2-20, b 2-20, c 2-9
laps: a*b @*c; a 2-9, b 2-7, c 2-9
weekly_cost: a*7 @*b; a 2-12, b 2-9
weeks_saved: b*7 @*a; a 2-15, b 2-5
profit: b-a @*c; a 2-40, b 5-60, c 2-40
two_shifts: b+c @*a; a 2-12, b 2-30, c 2-30
hour_rate: b-a c/@; a 6-12, b 9-19, c 12-200
hours_paid: b-a @*c; a 6-12, b 9-19, c 5-40
queue: c/b @*a; a 2-9, b 5-15/5, c 20-90/10
line_ahead: c/b @*a d-@; a 2-9, b 5-15/5, c 20-90/10, d 10-90
fuel: c/100 @*b a-@; a 30-80/5, b 4-12, c 200-600/100
ride_back: b*2 a-@; a 40-200/5, b 4-60
three_trips: b+b @+c a-@; a 40-250/5, b 4-60, c 4-80
two_cuts: b*c a-@; a 60-300/10, b 5-60, c 2-4
bus_two_stops: a-b @+c @-d; a 15-70, b 2-20, c 2-20, d 2-20
bus_one_stop: a-b @+c; a 9-70, b 2-30, c 2-30
on_then_off: a+b @-c; a 5-70, b 2-30, c 2-30
till: a+b @-c @+d; a 50-300/5, b 20-300/5, c 20-200/5, d 5-99
target_rest: a*b @+c d-@ @/e; a 2-4, b 5-30, c 3-60, d 40-200, e 2-6
days_to_finish: a*b c-@ @/d; a 2-12, b 2-12, c 30-200, d 2-9
read_twice: a*2 a+@ b-@ @/c; a 5-40, b 40-200, c 2-9
fields: a-b a+@ @-c; a 20-200, b 3-60, c 20-200
target_two: a+b a+@ c-@; a 20-180, b 3-60, c 60-600/10
worker_queue: b*c a-@ @+d; a 60-300/10, b 3-20, c 2-9, d 5-60
cubes: a*2 @+b @-c @-d; a 8-60, b 3-40, c 3-40, d 2-12
pizzas: a*b @/c @*d; a 4-20, b 2-4, c 4-8/2, d 8-40
players_water: a*b @+c @/d; a 4-15, b 2-5, c 3-12, d 3-9
sold_then_bags: a*b @-c @/d; a 4-15, b 8-40, c 20-200, d 4-12
order_out: a*b @-c @-d; a 3-12, b 10-40, c 3-40, d 20-200
gift_rest: a*b @-c; a 3-12, b 5-30, c 20-200
bowls_shared: a*b @+c @/d; a 2-9, b 4-15, c 2-20, d 2-6
meals: b+c @*d a-@; a 30-150, b 2-15, c 2-15, d 2-7
days_two_meals: b+c a/@; a 20-200, b 2-12, c 2-12
rope_groups: a*b c-@ @/d @-e; a 2-5, b 5-20, c 60-200/10, d 2-6, e 2-9
group_share: a/b @-c; a 12-400, b 2-8, c 2-60
two_vans: a/2 a+@ @-b @/c; a 40-240/2, b 20-160, c 2-6
budget: a+b a+@ c-@ @/2; a 40-250/10, b 10-80/10, c 300-990/10
farm: a-b a+@ @+c; a 20-90, b 3-30, c 3-40
monday_more: a+b a+@ @+c; a 20-200, b 5-60, c 20-200
orchard: a*b @-c @*2; a 3-12, b 5-20, c 5-60
jobs_left: a-b @+c @/d; a 15-60, b 3-20, c 3-30, d 2-4
age_double_less: a*2 @-b; a 5-40, b 2-12
goals: a+b @-c; a 2-9, b 2-9, c 2-9
lap_more: b-c @*a; a 50-400/50, b 3-9, c 2-8
quit: b*7 @*a; a 5-25, b 2-4
deposit: a-b @/c; a 60-600/10, b 10-200/10, c 2-12
bulk_saving: a-b @*c; a 5-40, b 2-35, c 2-12
leftover_money: a*b c-@; a 2-9, b 2-40, c 20-300/10
"""
_CALCULATION = re.compile(r"(@|[a-e]|\d+)([-+*/])(@|[a-e]|\d+)")
_RANGE = re.compile(r"([a-e]) (\d+)-(\d+)(?:/(\d+))?")
_ANIMALS = ("farm", "wheels_four")
_FOODS = ("eaten", "two_a_day", "meals", "days_two_meals", "bowls_shared", "rows_half", "cubes", "still_to_make")


@dataclass(frozen=True)
class Scene:
    """`steps` are (first, sign, second), where @ is the value so far; `ranges` are (number, least, largest, step)."""

    name: str
    steps: tuple[tuple[str, str, str], ...]
    ranges: tuple[tuple[str, int, int, int], ...]

    @property
    def rule(self) -> str:
        return f"situation_{self.name}"

    def numbers(self, rng: SampleRandom) -> dict[str, int]:
        return {
            name: step * rng.randint(-(-least // step), largest // step) for name, least, largest, step in self.ranges
        }

    def chain(self, numbers: dict[str, int], form: str = "") -> list[tuple[str, int]]:
        """The calculations. Numbers that are added or multiplied stand in the order in which the form tells them."""
        chain: list[tuple[str, int]] = []
        for first, sign, second in self.steps:
            if sign in "+*" and first.isalpha() and second.isalpha():
                first, second = sorted((first, second), key=lambda name: form.find("{" + name + "}"))
            a, b = (
                chain[-1][1] if name == "@" else numbers[name] if name.isalpha() else int(name)
                for name in (first, second)
            )
            value = {"+": a + b, "-": a - b, "*": a * b, "/": a // max(b, 1)}[sign]
            if not 0 < value <= LARGEST or (sign == "/" and (b < 2 or a % b)):
                raise NoSuchNumbers
            chain.append((f"{a}{sign}{b}", value))
        return chain


def scene_problem(story: Story) -> None:
    """A scene of as many steps as the story is to have."""
    rng = story.rng
    scene = rng.choice(scenes(rng.language, story.steps))
    numbers = _numbers_that_fit(rng, scene)
    story.set_thing(
        "animal" if scene.name in _ANIMALS else "food" if scene.name in _FOODS else rng.choice(("thing", "food"))
    )
    form = story.ask(scene.rule, **numbers)
    story.chain = scene.chain(numbers, form)


def _numbers_that_fit(rng: SampleRandom, scene: Scene) -> dict[str, int]:
    for _ in range(400):
        numbers = scene.numbers(rng)
        try:
            scene.chain(numbers)
        except NoSuchNumbers:
            continue
        return numbers
    raise NoSuchNumbers


@cache
def scenes(language: Language, steps: int) -> tuple[Scene, ...]:
    """The scenes of so many steps that the language tells."""
    every = (_scene(line) for line in _SCENES.strip().splitlines())
    return tuple(scene for scene in every if len(scene.steps) == steps and scene.rule in grammar(language))


def _scene(line: str) -> Scene:
    name, calculation, ranges = re.split("[:;] ", line)
    steps = tuple((first, sign, second) for first, sign, second in _CALCULATION.findall(calculation))
    drawn = tuple((letter, int(low), int(high), int(step or 1)) for letter, low, high, step in _RANGE.findall(ranges))
    return Scene(name, steps, drawn)
