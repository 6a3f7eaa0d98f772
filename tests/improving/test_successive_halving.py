"""Who goes on, who is preferred, and what the final makes of it."""

from hypothesis import given
from hypothesis import strategies as st

from jielong.contract import Usage
from jielong.improving import successive_halving, verdict
from jielong.improving.improve_result import Candidate, Comparison
from jielong.improving.successive_halving import Elimination, Standing
from jielong.measuring.results import ItemResult, ModelResult


def standing(name: str, right: int, of: int = 40, cost: float = 1.0) -> Standing:
    """Right on the first `right` of its items."""
    return Standing(name, frozenset(["model", *name.split("+")]), [1.0] * right + [0.0] * (of - right), cost)


PLAIN = Standing("plain", frozenset(["model"]), [1.0] * 10 + [0.0] * 30, 1.0)


@given(st.integers(1, 20_000), st.integers(1, 200), st.integers(1, 5))
def test_rounds_grow_to_all_items_and_fewer_go_on(items: int, candidates: int, finalists: int):
    ends = successive_halving.rounds(items)
    assert ends[-1] == items
    assert list(ends) == sorted(set(ends))
    assert ends[0] == items or 16 <= ends[0] <= 64
    kept = successive_halving.keep(candidates, ends, finalists)
    assert len(kept) == len(ends)
    assert list(kept) == sorted(kept, reverse=True)
    assert kept[-1] <= finalists
    assert all(k <= candidates for k in kept)


def test_who_is_shown_to_be_worse_is_out_and_the_better_half_goes_on():
    field = [
        standing("a", 36),
        standing("b", 35),
        standing("c", 33, cost=2.0),
        standing("d", 33, cost=0.5),
        standing("e", 8),
    ]
    survivors, out = successive_halving.eliminate(PLAIN, field, 3)
    assert [r.name for r in survivors] == ["a", "b", "d"]
    assert out == [Elimination("c", "dearer", "d"), Elimination("e", "worse", "a")] or out == [
        Elimination("c", "dearer", "a"),
        Elimination("e", "worse", "a"),
    ]


def test_a_recipe_does_not_push_out_a_part_of_itself():
    field = [standing("cot+vote", 36, cost=8.0), standing("cot+check", 35, cost=3.0), standing("cot", 33)]
    assert {r.name for r in successive_halving.eliminate(PLAIN, field, 2)[0]} == {"cot+vote", "cot"}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(1, 6))
def test_at_least_one_and_at_most_the_number_wanted_go_on(rights: list[int], most: int):
    field = [standing(f"r{i}", right, cost=1.0 + i) for i, right in enumerate(rights)]
    survivors, out = successive_halving.eliminate(PLAIN, field, most)
    assert 1 <= len(survivors) <= most
    assert sorted([r.name for r in survivors] + [o.name for o in out]) == sorted(r.name for r in field)


def test_a_few_equal_answers_are_no_proof():
    survivors, _ = successive_halving.eliminate(PLAIN, [standing("a", 2, of=2), standing("b", 1, of=2)], 2)
    assert len(survivors) == 2


def test_among_equals_the_cheapest_is_preferred():
    dear, cheap, bad = standing("dear", 37, cost=9.0), standing("cheap", 37), standing("bad", 20)
    assert [r.name for r in successive_halving.preference([dear, cheap, bad])] == ["cheap", "dear", "bad"]


def test_a_dearer_recipe_has_to_show_that_it_is_better():
    better, cheap = standing("better", 37, cost=9.0), standing("cheap", 30)
    assert successive_halving.preference([cheap, better])[0].name == "better"
    longer, part = standing("cot+vote", 38, cost=9.0), standing("cot", 37)
    assert successive_halving.preference([longer, part])[0].name == "cot"


def result(name: str, right: int, of: int = 40) -> ModelResult:
    answers = (ItemResult(str(i), float(i < right), "", "", None, Usage(), 0.1) for i in range(of))
    return ModelResult(name, tuple(answers), None, Usage(), ())


def test_the_first_in_the_order_of_the_search_that_passes_is_recommended():
    compared = verdict.comparisons([result("plain", 10), result("first", 30), result("second", 38)])
    found = verdict.final_verdict("plain", compared, None)
    assert (found.kind, found.recipe, found.interval_from) == ("improved", "first", "final")
    compared = verdict.comparisons([result("plain", 10), result("first", 12), result("second", 38)])
    assert verdict.final_verdict("plain", compared, None).recipe == "second"
    assert [c.p_holm >= c.p for c in compared] == [True, True]


def test_what_is_worse_or_not_shown_to_be_better_did_not_help():
    compared = verdict.comparisons([result("plain", 20), result("worse", 5), result("little", 22)])
    assert compared[0].p_holm < 0.05
    assert verdict.final_verdict("plain", compared, None) == verdict.Verdict("nothing helped", "plain")


def test_an_interrupted_run_names_the_best_so_far_and_where_its_interval_is_from():
    compared = verdict.comparisons([result("plain", 1, of=4), result("first", 2, of=4)])
    found = verdict.final_verdict("plain", compared, "interrupted")
    assert (found.kind, found.recipe, found.interval_from) == ("interrupted", "first", "final")
    plain, better = Candidate("plain", "plain", "", (0.0,) * 8), Candidate("better", "plain", "x", (1.0,) * 6)
    found = verdict.search_verdict(plain, [better], "budget")
    assert (found.kind, found.recipe, found.interval_from) == ("budget spent", "better", "search")
    assert isinstance(found.comparison, Comparison)
    assert found.comparison.n == 6
    assert verdict.search_verdict(plain, [], "interrupted") == verdict.Verdict("interrupted", "plain")
