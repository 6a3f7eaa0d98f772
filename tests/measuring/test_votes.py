"""Votes as users of comparable projects met them: each case here went wrong somewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.measuring.rank_votes import VoteRanking, agreement_of, rank_votes
from jielong.measuring.reply_style import style_counts, style_difference
from jielong.measuring.vote_pairs import Pair, in_order_for, judged_by, read_pairs
from jielong.measuring.votes import read_votes
from jielong.runtime.appended_lines import append_line


def row(
    id: object, a: str, b: str, winner: object, rater: str | None = None, **more: object
) -> dict[str, object]:  # what a line of the file holds
    return {"id": id, "model_a": a, "model_b": b, "winner": winner, **({"rater": rater} if rater else {}), **more}


def saved(folder: Path, rows: Sequence[object], name: str = "votes.jsonl") -> Path:
    file = folder / name
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), "utf-8")
    return file


def ranked(folder: Path, rows: Sequence[object], style: Sequence[str] = ()) -> VoteRanking:
    return rank_votes(read_votes([saved(folder, rows)]), style)


def test_a_table_of_ties_only_has_equal_ratings_and_a_doubt(tmp_path: Path):
    ranking = ranked(tmp_path, [row(i, "a", "b", "tie") for i in range(40)])
    (group,) = ranking.groups
    assert [model.rating for model in group.models] == [0, 0]
    assert group.pairs[0].p == 1
    low, high = group.pairs[0].ci95 or (0, 0)
    assert low < -0.1 < 0.1 < high
    assert all(model.rank == (1, 2) for model in group.models)
    assert "all votes are ties: nothing tells these models apart" in ranking.notes


def test_a_model_with_ties_only_among_others_has_a_doubt(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2]) for i in range(40)]
    rows += [row(100 + i, "c", "ab"[i % 2], "tie") for i in range(40)]
    (group,) = ranked(tmp_path, rows).groups
    (only_ties,) = [model for model in group.models if model.model == "c"]
    assert only_ties.ci95 is not None
    assert only_ties.ci95[1] - only_ties.ci95[0] > 0.1


@pytest.mark.parametrize(("winner", "place"), [("model_a", "above"), ("model_b", "below")])
def test_a_model_without_a_loss_or_a_win_has_a_bound_and_leaves_the_others_alone(
    tmp_path: Path, winner: str, place: str
):
    others = [row(i, "x", "y", ("model_a", "model_a", "model_b")[i % 3]) for i in range(60)]
    alone = ranked(tmp_path, others).groups[0]
    ranking = ranked(tmp_path, others + [row(f"n{i}", "new", "xy"[i % 2], winner) for i in range(20)])
    (group,) = ranking.groups
    (new,) = [model for model in group.models if model.model == "new"]
    assert new.place == place
    assert new.rating is None
    assert new.ci95 is None
    assert new.bound is not None
    assert (new.bound > 1) if place == "above" else (new.bound < -1)
    assert new.rank == ((1, 1) if place == "above" else (3, 3))
    assert group.models.index(new) == (0 if place == "above" else 2)
    finite = [(model.model, model.rating) for model in group.models if model is not new]
    assert finite == [(model.model, pytest.approx(model.rating)) for model in alone.models]
    assert any("no finite value" in note for note in ranking.notes)


def test_models_that_never_met_are_not_compared(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2]) for i in range(40)]
    rows += [row(100 + i, "c", "d", ("model_a", "model_b")[i % 2]) for i in range(40)]
    ranking = ranked(tmp_path, rows)
    assert [{m.model for m in group.models} for group in ranking.groups] == [{"a", "b"}, {"c", "d"}]
    assert all(len(group.pairs) == 1 for group in ranking.groups)


def test_both_bad_and_cannot_tell_are_no_draws(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_a", "model_b")[i % 3]) for i in range(60)]
    plain = ranked(tmp_path, rows)
    words = ["both_bad", "tie (bothbad)", "both bad", "cannot_tell", "cannot tell"]
    more = ranked(tmp_path, rows + [row(100 + i, "a", "b", word) for i, word in enumerate(words * 10)])
    assert more.groups == plain.groups
    assert (more.outcomes["both_bad"], more.outcomes["cannot_tell"]) == (30, 20)


def test_the_same_rater_counts_once_on_a_pair_and_the_last_vote_counts(tmp_path: Path):
    rows = [row(i, "a", "b", "model_b", "Anna") for i in range(10)]
    rows += [row(i, "b", "a", "model_b", " anna ") for i in range(10)]  # a wins; sides swapped
    file = read_votes([saved(tmp_path, rows)])
    assert len(file.votes) == 10
    assert file.replaced == 10
    assert {vote.winner for vote in file.votes} == {"model_a"}


def test_a_vote_that_was_taken_back_is_none(tmp_path: Path):
    rows = [row(1, "a", "b", "model_a", "anna"), row(1, "a", "b", "undone", "anna"), row(2, "a", "b", "tie", "anna")]
    file = read_votes([saved(tmp_path, rows)])
    assert [vote.id for vote in file.votes] == ["2"]
    assert file.replaced == 1


def test_votes_without_a_rater_are_all_different(tmp_path: Path):
    assert len(read_votes([saved(tmp_path, [row(1, "a", "b", "tie")] * 3)]).votes) == 3


def test_two_raters_who_agree_wholly(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2], rater) for i in range(30) for rater in ("anna", "bo")]
    kappa, alpha = agreement_of(read_votes([saved(tmp_path, rows)]).votes)
    assert (kappa.statistic, kappa.value, alpha.value) == ("cohen", 1, 1)
    assert kappa.ci95 is not None
    assert kappa.ci95[0] < 0.95


def test_cannot_tell_is_a_missing_label(tmp_path: Path):
    rows = [
        row(i, "a", "b", ("model_a", "model_b", "tie")[i % 3], rater) for i in range(30) for rater in ("anna", "bo")
    ]
    unsure = [row(50 + i, "a", "b", w, r) for i in range(9) for w, r in (("cannot_tell", "anna"), ("tie", "bo"))]
    with_them = agreement_of(read_votes([saved(tmp_path, rows + unsure)]).votes)
    assert with_them == agreement_of(read_votes([saved(tmp_path, rows)]).votes)


def test_raters_who_saw_the_models_in_another_order_are_compared(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2], "anna") for i in range(20)]
    rows += [row(i, "b", "a", ("model_b", "model_a")[i % 2], "bo") for i in range(20)]
    kappa, _ = agreement_of(read_votes([saved(tmp_path, rows)]).votes)
    assert kappa.value == 1


def test_three_raters_have_fleiss_kappa(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[(i + r) % 2], f"r{r}") for i in range(20) for r in range(3)]
    kappa, _ = agreement_of(read_votes([saved(tmp_path, rows)]).votes)
    assert (kappa.statistic, kappa.raters) == ("fleiss", 3)


def test_a_new_model_moves_everybody_and_that_is_said(tmp_path: Path):
    counts = {"style_a": [100, 0, 0, 0], "style_b": [50, 0, 0, 0]}
    swapped = {"style_a": counts["style_b"], "style_b": counts["style_a"]}
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 3 == 0], **(counts, swapped)[i % 2]) for i in range(60)]
    rows += [row(100 + i, "b", "c", ("model_a", "model_b")[i % 2], **(counts, swapped)[i // 2 % 2]) for i in range(60)]
    assert any("another model changes them" in note for note in ranked(tmp_path, rows, ["length"]).notes)
    assert any("another model in the table moves all" in note for note in ranked(tmp_path, rows).notes)


def test_a_style_term_nobody_uses_is_named_and_left_out(tmp_path: Path):
    counts = ({"style_a": [9, 0, 0, 0], "style_b": [5, 0, 0, 0]}, {"style_a": [5, 0, 0, 0], "style_b": [9, 0, 0, 0]})
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 3 == 0], **counts[i % 2]) for i in range(60)]
    ranking = ranked(tmp_path, rows, ["length", "headers"])
    assert [effect.term for effect in ranking.groups[0].style] == ["length"]
    assert "no two replies differ in headers" in ranking.notes


def test_votes_without_style_are_refused_by_name(tmp_path: Path):
    with pytest.raises(BadInput, match="the vote 7 has neither style_a and style_b nor"):
        ranked(tmp_path, [row(7, "a", "b", "model_a")], ["length"])


def test_many_votes_on_one_prompt_are_one_cluster(tmp_path: Path):
    winners = ("model_a", "model_a", "model_b")
    once = ranked(tmp_path, [row(i, "a", "b", winners[i % 3], cluster=f"p{i}") for i in range(60)])
    often = ranked(tmp_path, [row(i, "a", "b", winners[i % 60 % 3], cluster=f"p{i % 60}") for i in range(600)])
    assert (once.clusters, often.clusters) == (60, 60)
    widths = [r.groups[0].pairs[0].ci95[1] - r.groups[0].pairs[0].ci95[0] for r in (once, often)]  # type: ignore[index]
    assert widths[0] == pytest.approx(widths[1])


def test_few_prompts_are_announced_and_very_few_have_no_interval(tmp_path: Path):
    few = ranked(tmp_path, [row(i, "a", "b", ("model_a", "model_b")[i % 2], cluster=i % 10) for i in range(60)])
    assert any("only 10 prompts" in note for note in few.notes)
    four = ranked(tmp_path, [row(i, "a", "b", ("model_a", "model_b")[i % 2], cluster=i % 4) for i in range(60)])
    assert four.groups[0].pairs[0].ci95 is None
    assert four.groups[0].pairs[0].p is None


def test_a_newcomer_with_few_votes_is_not_known_better_than_by_them(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2]) for i in range(400)]
    rows += [row(f"n{i}", "new", "a", ("model_a", "model_b")[i % 2]) for i in range(4)]
    (new,) = [model for model in ranked(tmp_path, rows).groups[0].models if model.model == "new"]
    assert new.rating is not None
    assert new.ci95 is None


def test_a_position_that_wins_is_shown(tmp_path: Path):
    rows = [
        row(i, "a", "b", ("model_a", "model_b")[i % 2], shown_first=("model_a", "model_b")[i % 2]) for i in range(60)
    ]
    share = ranked(tmp_path, rows).shown_first
    assert share is not None
    assert share.mean == 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(1, "a", "b", "model_c"), "winner is 'model_c'"),
        (row(1, "a", "b", None), "winner is None"),
        (row(1, "a", "a", "tie"), "a is compared with itself"),
        ({"id": 1, "model_a": "a", "winner": "tie"}, "expected model_a and model_b"),
        ('{"id": 1, "model_a": "a", "mod', "not JSON"),
        (row(1, "a", "b", "tie", style_a=[1, 2, float("nan"), -1], style_b=[1, 2, 3, 4]), "no list of four counts"),
    ],
)
def test_a_row_that_is_no_vote_is_named_and_costs_no_other(tmp_path: Path, bad: object, why: str):
    good = [row(i, "a", "b", ("model_a", "model_b")[i % 2]) for i in range(40)]
    file = read_votes([saved(tmp_path, [*good[:20], bad, *good[20:]])])
    assert len(file.votes) == 40
    assert len(file.unread) == 1
    assert "line 21" in file.unread[0]
    assert why in file.unread[0]


def test_arena_files_are_read(tmp_path: Path):
    rows = [
        {"question_id": "q1", "model_a": "x", "model_b": "y", "winner": "model_a", "judge": "arena_user_1"},
        {"question_id": "q2", "model_a": "x", "model_b": "y", "winner": "tie (bothbad)", "judge": "arena_user_2"},
        {"question_id": "q3", "model_a": "y", "model_b": "x", "winner": "x", "judge": "arena_user_2"},
    ]
    votes = read_votes([saved(tmp_path, rows)]).votes
    assert [vote.winner for vote in votes] == ["model_a", "both_bad", "model_a"]


def test_a_model_with_no_vote_that_counts_is_named(tmp_path: Path):
    rows = [row(i, "a", "b", ("model_a", "model_b")[i % 2]) for i in range(40)]
    ranking = ranked(tmp_path, [*rows, row("x", "a", "silent", "both_bad")])
    assert [m.model for group in ranking.groups for m in group.models] == ["a", "b"]
    assert any(note.startswith("silent is not in the table") for note in ranking.notes)


def test_a_file_named_twice_is_read_once(tmp_path: Path):
    file = saved(tmp_path, [row(i, "a", "b", "tie") for i in range(5)])
    assert len(read_votes([file, tmp_path / "." / file.name]).votes) == 5


def test_files_without_a_vote_are_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="no vote could be read"):
        read_votes([saved(tmp_path, [{"question": "2 + 2", "answer": "4"}])])
    with pytest.raises(BadInput, match="nothing to rank"):
        ranked(tmp_path, [row(1, "a", "b", "both_bad")])
    with pytest.raises(BadInput, match="nothing to rank"):
        ranked(tmp_path, [])


def test_style_is_counted_outside_of_code():
    reply = "# Title\n\nSome **bold** words.\n\n- one\n2. two\n\n```python\n# no header\n- no list\n```\n"
    assert style_counts(reply)[1:] == (1, 2, 1)
    assert style_counts("天空是蓝色的 blue")[0] == 7
    assert style_difference((0, 3, 1, 0), (0, 1, 3, 2)) == (0, 0.5, -0.5, -1)


# --- pairs and the file of votes --------------------------------------------------------------------------------------


def pair(id: str, **more: str) -> Pair:
    texts = {"cluster": id, "prompt": "p", "model_a": "a", "model_b": "b", "response_a": "1", "response_b": "2"}
    return Pair(id=id, **{**texts, **more})


def test_sides_and_order_are_balanced_differ_by_rater_and_stay():
    pairs = [pair(str(i)) for i in range(400)]
    first = sum(each.shows_a_first("anna") for each in pairs)
    assert 160 < first < 240
    assert in_order_for("anna", pairs) == in_order_for(" ANNA", list(reversed(pairs)))
    assert in_order_for("anna", pairs) != in_order_for("bo", pairs)
    assert 120 < sum(each.shows_a_first("anna") != each.shows_a_first("bo") for each in pairs) < 280


def test_a_pair_that_changed_is_judged_again(tmp_path: Path):
    file = tmp_path / "votes.jsonl"
    append_line(file, pair("1").record("anna", "tie"))
    votes = read_votes([file]).votes
    assert judged_by("Anna", votes, [pair("1")]) == [pair("1")]
    assert judged_by("anna", votes, [pair("1", response_a="other")]) == []
    assert judged_by("bo", votes, [pair("1")]) == []


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "holds no pairs"),
        ([{"prompt": "p", "model_a": "a", "response_a": "1"}], "line 1: no model_b, response_b"),
        ([{"prompt": "p", "model_a": "a", "model_b": "a", "response_a": "1", "response_b": "2"}], "with itself"),
        (
            [{"id": 1, "prompt": "p", "model_a": "a", "model_b": "b", "response_a": "1", "response_b": "2"}] * 2,
            "line 2",
        ),
        (["not json"], "line 1: not JSON"),
    ],
)
def test_a_file_of_pairs_that_cannot_be_used_is_refused_by_line(tmp_path: Path, rows: list[object], why: str):
    with pytest.raises(BadInput, match=why):
        read_pairs(saved(tmp_path, rows, "pairs.jsonl"))


def test_a_half_line_of_a_killed_process_spoils_no_vote(tmp_path: Path):
    file = tmp_path / "votes.jsonl"
    append_line(file, pair("1").record("anna", "tie"))
    with file.open("ab") as log:
        log.write(b'{"id": "2", "model_a": "a", "mo')
    append_line(file, pair("3").record("anna", "tie"))
    votes = read_votes([file])
    assert [vote.id for vote in votes.votes] == ["1", "3"]
    assert len(votes.unread) == 1


def test_raters_who_append_at_once_lose_nothing(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from jielong.runtime.appended_lines import append_line\n"
        "for i in range(40): append_line(Path(sys.argv[1]), dict(id=i, model_a='a', model_b='b', winner='tie',"
        " rater=sys.argv[2]))"
    )
    file = tmp_path / "votes.jsonl"
    raters = [subprocess.Popen([sys.executable, "-c", code, str(file), name]) for name in ("anna", "bo")]
    assert [rater.wait() for rater in raters] == [0, 0]
    votes = read_votes([file])
    assert len(votes.votes) == 80
    assert not votes.unread
