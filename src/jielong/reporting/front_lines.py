"""The front of quality, price and latency as sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .formatting import count
from .wording import Words

if TYPE_CHECKING:
    from ..measuring.front import Front, FrontPair

LEAST, MOST_LINES = 0.5, 6  # the probability that is worth a sentence, and how many there are


def front_lines(front: Front, texts: Words, short: Callable[[str], str]) -> list[str]:
    """Who is probably on the front, and which recipe is probably better than which in two ways at once."""
    say, lines = texts["front"], list[str]()
    members = say["comma"].join(
        say["member"].format(recipe=short(each.recipe), p=_probability(each.on_front)) for each in front.recipes
    )
    lines.append(say["on_front" if front.with_price else "on_front_without_price"].format(members=members))
    claims = [claim for pair in front.pairs for claim in _claims(pair)]
    for p, kind, pair in sorted(claims, key=lambda claim: -claim[0])[:MOST_LINES]:
        lines.append(say[kind].format(a=short(pair.a), b=short(pair.b), p=_probability(p)))
    return [*lines, say["items"].format(n=count(front.n))]


def _claims(pair: FrontPair) -> list[tuple[float, str, FrontPair]]:
    """The strongest claim of the pair: all three where that is likely, else two of them."""
    for kind in ("as_good_cheaper_and_faster", "as_good_and_cheaper", "as_good_and_faster"):
        p: float | None = getattr(pair, kind)
        if p is not None and p >= LEAST:
            return [(p, kind, pair)]
    return []


def _probability(p: float) -> str:
    return ">.99" if p > 0.99 else "<.01" if p < 0.01 else f"{p:.2f}".lstrip("0")
