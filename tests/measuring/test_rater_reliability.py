"""Raters of whom some guess: what their votes say together, against the truth they were drawn from."""

import random

import pytest

from jielong.measuring.rater_reliability import majority, model_raters
from jielong.measuring.votes import Vote, Winner

RELIABLE, GUESSING = range(7), range(7, 20)


def world(seed: int, raters_an_item: int, items: int = 200) -> tuple[dict[str, Winner], list[Vote]]:
    """Seven of twenty raters are right nine times of ten; the others guess."""
    rng = random.Random(seed)
    truth: dict[str, Winner] = {f"q{i}": rng.choice(("model_a", "model_b")) for i in range(items)}
    votes = []
    for name, winner in truth.items():
        for rater in rng.sample(range(20), raters_an_item):
            right = rng.random() < (0.9 if rater in RELIABLE else 0.5)
            other: Winner = "model_b" if winner == "model_a" else "model_a"
            votes.append(Vote(name, name, "x", "y", winner if right else other, f"rater {rater}"))
    return truth, votes


def right(truth: dict[str, Winner], preferences: dict[str, float]) -> float:
    scores = [(p if truth[name] == "model_a" else 1 - p) for name, p in preferences.items()]
    return sum(1.0 if score > 0.5 else 0.5 if score == 0.5 else 0.0 for score in scores) / len(scores)


def test_raters_who_guess_are_found_and_weigh_little():
    gains = []
    for seed in range(5):
        truth, votes = world(seed, 5)
        found = model_raters(votes)
        simple = {key[0]: value for key, value in majority(votes).items()}
        gains.append(right(truth, {each.id: each.preference for each in found.preferences}) - right(truth, simple))
        reliability = {each.rater: each.reliability for each in found.raters}
        assert min(reliability[f"rater {r}"] for r in RELIABLE) > max(reliability[f"rater {r}"] for r in GUESSING) - 0.1
    assert sum(gains) / len(gains) >= 0.08


def test_with_one_rater_an_item_every_vote_stands():
    _, votes = world(0, 1)
    found = model_raters(votes)
    assert found.shared == 0
    assert {each.id: each.preference > 0.5 for each in found.preferences} == {
        v.id: v.winner == "model_a" for v in votes
    }


def test_what_nobody_can_tell_stays_a_tie():
    _, votes = world(1, 5, items=40)
    votes += [Vote("open", "open", "x", "y", "cannot_tell", f"rater {r}") for r in range(5)]
    votes += [Vote("equal", "equal", "x", "y", "tie", f"rater {r}") for r in range(7)]
    found = {each.id: each for each in model_raters(votes).preferences}
    assert (found["open"].preference, found["open"].votes) == (0.5, 0)
    assert found["equal"].preference == pytest.approx(0.5, abs=0.01)


def test_which_reply_is_called_a_changes_nothing():
    _, votes = world(2, 3, items=50)
    turned: dict[Winner, Winner] = {"model_a": "model_b", "model_b": "model_a"}
    mirrored = [Vote(v.id, v.cluster, "x", "y", turned[v.winner], v.rater) for v in votes]
    for one, other in zip(model_raters(votes).preferences, model_raters(mirrored).preferences, strict=True):
        assert one.preference == pytest.approx(1 - other.preference, abs=1e-4)


def test_names_of_a_rater_in_any_spelling_and_votes_without_a_name():
    votes = [Vote(f"q{i}", "c", "x", "y", "model_a", ("Anna", "ANNA ", None)[i % 3]) for i in range(9)]
    (rater,) = model_raters(votes).raters
    assert (rater.rater, rater.votes) == ("Anna", 6)
