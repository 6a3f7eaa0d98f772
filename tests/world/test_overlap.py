"""Training and exams share nothing, and the checker that says so finds what is shared."""

from mini_overlap import overlap, training

from jielong import world
from jielong.world.training_examples import Document
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from jielong.world.word_problems import sample_problem, step_by_step_turns


def test_exams_and_training_share_nothing():
    found = overlap(training(3000), 40)
    assert found.pop("documents read") > 3000
    assert found == dict.fromkeys(found, 0)


def test_the_checker_finds_every_kind_of_overlap():
    def leaked():  # type: ignore[no-untyped-def]
        for language in LANGUAGES:  # of the exam itself: chains of calculations rarely coincide
            rng = SampleRandom(f"chains {language}", language, held_out=True)
            yield Document("steps", tuple(step_by_step_turns(rng, sample_problem(rng, 2))))
        for number in range(1500):
            rng = SampleRandom(number, LANGUAGES[number % 2], held_out=True)
            yield world.GENERATORS[number // 2 % len(world.GENERATORS)](rng)

    found = overlap(leaked(), 50)
    missed = {kind for kind, count in found.items() if not count}
    assert missed <= {"questions"}
