"""Training and exams share nothing, and the checker that says so finds what is shared."""

import random

from mini_overlap import overlap, training

from jielong import world
from jielong.world.vocabulary import SampleRandom


def test_exams_and_training_share_nothing():
    found = overlap(training(6000), 150)
    assert found.pop("documents read") > 5000
    assert found == dict.fromkeys(found, 0)


def test_the_checker_finds_every_kind_of_overlap():
    def leaked():  # type: ignore[no-untyped-def]
        for number in range(2000):
            rng = SampleRandom(number, "en" if number % 2 else "zh", held_out=True)
            yield random.Random(f"kind {number}").choices(world.GENERATORS, world.SHARES)[0](rng)

    found = overlap(leaked(), 300)
    missed = {kind for kind, count in found.items() if not count}
    assert missed <= {"questions"}
