"""Facts, claims and the map: what they say is so, by a reading that shares nothing with the grammar."""

# ruff: noqa: E501
import re
from collections import Counter

import pytest

from jielong import world
from jielong.tasks.mini_tasks import built_in
from jielong.world import fact_documents, facts, towns_map, truth
from jielong.world.names import map_town_names, reserved_names
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from world.evaluate_facts import DENIED, read_claim
from world.evaluate_map import holds

DRAWS = [(language, held_out) for language in LANGUAGES for held_out in (False, True)]
YES, NO = {"true", "yes", "right", "对", "是", "真"}, {"false", "no", "wrong", "错", "否", "假"}


def draw(language: str, held_out: bool) -> SampleRandom:
    return SampleRandom("facts and map", language, held_out)  # type: ignore[arg-type]


def truth_of_the_world() -> dict[tuple[str, str], set[str]]:
    known: dict[tuple[str, str], set[str]] = {}
    for fact in facts.knowledge_base().all_facts():
        for language in LANGUAGES:
            subject = fact.subject.text(language).removeprefix("the ")
            known.setdefault((fact.relation, subject), set()).add(fact.value.text(language))
    return known


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_statements_and_denials_say_what_they_are_made_from(language: str, held_out: bool):
    rng = draw(language, held_out)
    for i in range(3000):
        fact = facts.sample_fact(rng)
        claimed = fact if i % 3 else rng.choice(facts.false_claims(fact, False) or (fact,))
        text = claimed.negation(rng) if i % 2 else claimed.statement(rng)
        relation, subject, value, denied = read_claim(text)
        assert (relation, denied) == (fact.relation, i % 2 == 1), text
        assert subject == fact.subject.text(rng.language).removeprefix("the "), text
        assert value == claimed.value.text(rng.language), text


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_claims_about_facts_are_as_true_as_said(language: str, held_out: bool):
    rng, known = draw(language, held_out), truth_of_the_world()
    for i in range(1000):
        claim = truth.sample_claim_to_judge(rng, "fact", i % 2 == 0)
        relation, subject, value, denied = read_claim(claim.text)
        assert ((value in known[relation, subject]) != denied) == claim.true == (i % 2 == 0), claim


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_claims_about_the_map_and_sums_are_as_true_as_said(language: str, held_out: bool):
    rng = draw(language, held_out)
    for i in range(1500):
        claim = truth.sample_claim_to_judge(rng, "map", i % 2 == 0)
        assert holds(claim.text) == claim.true, claim
    for i in range(500):
        claim = truth.sample_claim_to_judge(rng, "sum", i % 2 == 0)
        assert _sum_holds(claim.text) == claim.true, claim


def _sum_holds(text: str) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    whole = numbers[0] if re.match(r"\d+ (?:is|isn't|is not)|\d+(?:是|等于|不是)", text) else numbers[2]
    return (sum(numbers) == 2 * whole) != bool(DENIED.search(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_verdicts_of_documents_agree_with_their_claims(language: str):
    rng, known, words = draw(language, False), truth_of_the_world(), Counter[str]()
    for _ in range(1500):
        document = truth.judged_document(rng)
        asked, reply = (turn.text for turn in document.turns)
        claim = next(
            piece
            for piece in re.split(r"(?<=[.。?？!！：…])\s*|(?<=:) (?=[A-Z\d])|\n", asked)
            if _speaks_of_the_world(piece)
        )
        if "小时" in claim or "hours" in claim or _is_map(claim):
            right = holds(claim)
        elif re.search(r"\d", claim) and not re.search(r"\d+, \d+", claim):
            right = _sum_holds(claim)
        else:
            relation, subject, value, denied = read_claim(claim)
            right = (value in known[relation, subject]) != denied
        verdict = re.findall(r"[a-z]+$|[对是真错否假]$", reply)[0]
        assert verdict in (YES if right else NO), (asked, reply)
        words[verdict] += reply == verdict
    assert all(words[word] > 30 for word in (YES | NO) if word.isascii() == (language == "en"))


def _speaks_of_the_world(piece: str) -> bool:
    han = "".join(dict.fromkeys("".join(name.text("zh") for name in reserved_names())))
    return bool(re.search(rf"\d|[{han}]{{2,}}", piece)) or any(name in piece for name in _ENGLISH_NAMES)


def _is_map(claim: str) -> bool:
    towns = {town.name.text(language) for town in towns_map.towns() for language in LANGUAGES}
    return bool(
        re.search(
            r"north|south|east|west|next town|town is as|nearer|nearest|closer|closest|less far|as far|shorter way|further|farther|[东西南北]边|[靠偏][东西南北]|更近|近一些|比.*近|最近|近邻|更远|比.*远",
            claim,
        )
    ) and any(name in claim for name in towns)


_ENGLISH_NAMES = {name.text("en") for name in reserved_names()}


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_relations_between_towns_hold_and_their_answers_follow(language: str, held_out: bool):
    rng = draw(language, held_out)
    for relation in towns_map.SHARES:
        for _ in range(250):
            found = towns_map.sample_relationship(rng, relation)
            assert holds(text := found.statement(rng)), text
            assert not holds(text := found.statement(rng, true=False)), text
            question = found.question(rng)
            assert found.slots["s"] in question or relation == "further"
            assert found.answer != found.wrong


def test_the_map_has_towns_of_both_kinds_and_strangers_do_not_have_their_names():
    towns = towns_map.towns()
    assert len(towns) >= 150
    assert sum(not town.told_by_numbers for town in towns) >= 40
    assert len({(town.x, town.y) for town in towns}) == len(towns)
    assert not any(name.held_out for name in map_town_names())
    assert set(map_town_names()) <= reserved_names()
    untold = {town.place.id for town in towns if not town.told_by_numbers}
    assert not untold & {fact for n in range(3000) for fact in world.document(5, n).facts}


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_questions_in_one_are_answered_in_their_order(language: str):
    rng = draw(language, False)
    for _ in range(200):
        fact = facts.sample_fact(rng)
        others = [
            f
            for f in facts.knowledge_base().facts[fact.subject]
            if f != fact and "place" not in (f.relation, fact.relation)
        ]
        if others:
            asked, reply = fact_documents.two_questions(rng, [fact, others[0]])
            assert reply == {"en": ", ", "zh": "、"}[language].join(
                f.value.text(rng.language) for f in (fact, others[0])
            )
            assert fact.subject.text(rng.language).casefold() in asked.casefold()


@pytest.mark.parametrize("language", ["", "/zh"])
def test_the_tasks_on_truth_and_the_map_give_what_they_accept(language: str):
    for variant in ("", "/one_word", "/map", "/sum"):
        accepted = Counter(
            item.accepted[0] in YES for item in built_in(f"mini:true_false{language}{variant}", 60, 1).items
        )
        assert min(accepted[True], accepted[False]) > 20
    for variant in (
        "",
        "/direction",
        "/way",
        "/distance",
        "/nearer",
        "/further",
        "/coordinates",
        "/untold_coordinates",
    ):
        assert len(built_in(f"mini:map{language}{variant}", 40, 1).items) == 40
