"""Word problems of one or two steps that are one form of the grammar as a whole."""

from collections.abc import Callable

from .problem_stories import NoSuchNumbers, Story, as_told, sizes


def whole_problem(story: Story) -> None:
    rng = story.rng
    story.set_thing(rng.choice(("thing", "food")))
    plots = _WHOLE_OF_ONE if story.steps == 1 else _WHOLE_OF_TWO
    plots[rng.choice(list(plots))](story)


def _whole_sum(story: Story) -> None:
    a, b = sizes(story.rng, 2)
    form = story.ask("full_together", a=a, b=b)
    story.start("+", *as_told(form, a=a, b=b))


def _whole_more(story: Story) -> None:
    a, b = sizes(story.rng, 1)[0], story.rng.randint(2, 40)
    story.ask("full_more", a=a, b=b)
    story.start("+", a, b)


def _whole_less(rule: str) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        a = sizes(story.rng, 1)[0]
        b = story.rng.randint(2, max(2, min(a - 1, 90)))
        story.ask(rule, a=a, b=b)
        story.start("-", a, b)

    return tell


def _whole_product(rule: str, largest: int = 20) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        a, b = story.rng.randint(2, largest), story.rng.randint(2, 9)
        form = story.ask(rule, a=a, b=b)
        story.start("*", *as_told(form, a=a, b=b))

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
    a, b, c = sizes(story.rng, 3)
    form = story.ask("full_together_three", a=a, b=b, c=c)
    first, second, third = as_told(form, a=a, b=b, c=c)
    story.start("+", first, second)
    story.calculate("+", third)


def _whole_rest(rule: str) -> Callable[[Story], None]:
    """What is left of c after a times b."""

    def tell(story: Story) -> None:
        a, b = story.rng.randint(2, 9), story.rng.randint(2, 20)
        c = a * b + story.rng.randint(1, 90)
        form = story.ask(rule, a=a, b=b, c=c)
        story.start("*", *as_told(form, a=a, b=b))
        story.calculate("-", c, reverse=True)

    return tell


def _whole_unit(story: Story) -> None:
    a, each, c = story.rng.randint(2, 9), story.rng.randint(2, 12), story.rng.randint(2, 12)
    if a == c:
        raise NoSuchNumbers
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
