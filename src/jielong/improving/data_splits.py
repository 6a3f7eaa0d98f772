"""Which items are shown as examples, which the search may ask, and which are kept for the final alone.

What belongs together (items of one cluster, and questions with the same words) is never torn apart, so the final holds
nothing that the search or the examples have seen in another dress.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import BadInput
from ..tasks.item import Item

EXAMPLES = 3
FEWEST = 4
ENOUGH = 8  # with fewer in the final, three finalists can never pass the test (2 ** -(n - 1) * 3 < .05)


@dataclass(frozen=True)
class Split:
    """Items in the order in which they are asked."""

    examples: tuple[Item, ...]
    search: tuple[Item, ...]
    final: tuple[Item, ...]


def split_items(items: Sequence[Item], seed: int, *, share: float = 0.5, examples: int = EXAMPLES) -> Split:
    """A `share` of the items for the search and the others for the final, drawn by `seed`. `examples` items with a
    known answer are set aside where there are ten times as many items. With few items the final gets what it needs to
    show anything (`ENOUGH`), and the search what is left. Raises BadInput under `FEWEST`."""
    if len(items) < FEWEST:
        raise BadInput(f"{len(items)} items are too few to try techniques on; expected at least {FEWEST}, better 200")
    rng = random.Random(f"split {seed}")
    solved = _examples(items, rng, examples)
    remaining = [item for item in items if item.id not in {example.id for example in solved}]
    groups: dict[str, list[Item]] = {}
    for item in remaining:
        groups.setdefault(item.group(), []).append(item)
    names = sorted(groups)
    rng.shuffle(names)
    seen = {item.group() for item in solved}
    # What belongs together with a shown example can only go into the search, never into the final.
    names.sort(key=lambda name: name not in seen)
    n = len(remaining)
    wanted = max(n // 4, 1, min(round(n * share), n - ENOUGH))
    search: list[Item] = []
    for i, name in enumerate(names):
        enough = len(search) + len(groups[name]) / 2 > wanted
        if name not in seen and search and (enough or i == len(names) - 1):
            break
        search += groups.pop(name)
    final = [item for group in groups.values() for item in group]
    if not final:
        raise BadInput(
            "all items belong to one cluster, so none can be kept for the final; leave out the cluster column"
        )
    rng.shuffle(search)
    rng.shuffle(final)
    return Split(solved, tuple(search), tuple(final))


def _examples(items: Sequence[Item], rng: random.Random, wanted: int) -> tuple[Item, ...]:
    answered = [item for item in items if item.accepted and isinstance(item.input, str)]
    enough = len(items) >= 10 * wanted and len(answered) >= wanted
    return tuple(rng.sample(answered, wanted)) if enough else ()
