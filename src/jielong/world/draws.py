"""Drawing until something fits, with an end: what allows nothing says so instead of running for ever."""

from collections.abc import Callable
from typing import TypeVar

Drawn = TypeVar("Drawn")
MOST_DRAWS = 20_000


def first_fitting(draw: Callable[[], Drawn], fits: Callable[[Drawn], object], what: str) -> Drawn:
    """The first of up to `MOST_DRAWS` draws that fits. Raises ValueError, which names `what` was looked for."""
    for _ in range(MOST_DRAWS):
        if fits(drawn := draw()):
            return drawn
    raise ValueError(f"{what}: none among {MOST_DRAWS:,} draws")
