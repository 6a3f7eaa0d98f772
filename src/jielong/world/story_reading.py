"""Reading stories: a text about strangers and a question on it in other words, which the text may not answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..prompts import Language
from .grammar import any_form, grammar, sample_composed
from .scenes import scene_document
from .stories import (
    KINDS,
    OF_KIND,
    RELATIONS,
    Told,
    answer_text,
    other_individual,
    possessive,
    subject_slots,
    told,
    value_slots,
)
from .story_layouts import laid_out, sentence_case, text_of
from .story_values import Individual, individual
from .training_examples import Document, decisive_turn, user_turn
from .vocabulary import SampleRandom, fill_form

KIND_SHARES = (6, 1.3, 1.8, 1.6)
UNTOLD_SHARE = 0.3
SCENE_SHARE = 0.42


@dataclass(frozen=True)
class Asked:
    """What is asked: a value of somebody, or (`reverse`) of whom it is true."""

    fact: Told
    reverse: bool = False

    def answer(self, language: str) -> str:
        return self.fact.about.text if self.reverse else answer_text(self.fact, language)


@dataclass(frozen=True)
class Story:
    facts: tuple[Told, ...]
    asked: Asked
    answerable: bool


def sample_story(rng: SampleRandom, answerable: bool, most: int = 6) -> Story:
    """Facts about one to three of a kind, at most `most`, and a question; `answerable` says whether they answer it.

    Untold is hard to see: of the same one something else is told, and of another one what is asked.
    """
    kind = rng.choices(KINDS, KIND_SHARES)[0]
    relation = rng.choice(OF_KIND[kind])
    main = individual(rng, kind)
    asked = told(rng, main, relation)
    while asked.value == main.text:
        asked = told(rng, main, relation)
    facts = [asked]
    most = min(most, rng.choice((1, 2, 2)) if rng.short else rng.choice((2, 3, 3, 4, 4, 5, 6)))
    if not answerable:
        most += 1
    others: list[Individual] = []
    while len(facts) < most:
        _add_fact(rng, facts, others)
    reverse = rng.chance(0.22) and sum(fact.value == asked.value for fact in facts) == 1
    if not answerable:
        facts.remove(asked)
    else:
        reverse = reverse and len(others) > 0
    return Story(_in_order(rng, facts), Asked(asked, reverse), answerable)


def _add_fact(rng: SampleRandom, facts: list[Told], others: list[Individual]) -> None:
    """One more: of the first one another relation, of another one the same or another relation."""
    asked = facts[0]
    kind = asked.about.kind
    if rng.chance(0.4) or (len(others) == 2 and rng.chance(0.3)):
        about = asked.about
    elif others and (len(others) == 2 or rng.chance(0.5)):
        about = rng.choice(others)
    else:
        about = other_individual(rng, kind, [asked.about, *others])
        others.append(about)
    known = {fact.relation for fact in facts if fact.about == about}
    groups = {RELATIONS[r].group for r in known} - {""}
    free = [r for r in OF_KIND[kind] if r not in known and RELATIONS[r].group not in groups]
    if not free:
        return
    other = about == asked.about or asked.relation not in free or rng.chance(0.4)
    relation = rng.choice(free) if other else asked.relation
    same = [f for f in facts if f.relation == relation]
    if same and RELATIONS[relation].both and rng.chance(0.1) and same[0] is not asked:
        facts.append(Told(about, relation, same[0].value))
        return
    taken = {fact.value for fact in facts} | {fact.about.text for fact in facts} | {i.text for i in others}
    new = told(rng, about, relation)
    while new.value in taken:
        new = told(rng, about, relation)
    facts.append(new)


def _in_order(rng: SampleRandom, facts: list[Told]) -> tuple[Told, ...]:
    """All of one individual together, in any order."""
    groups: dict[Individual, list[Told]] = {}
    for fact in rng.sample(facts, len(facts)):
        groups.setdefault(fact.about, []).append(fact)
    return tuple(fact for group in groups.values() for fact in group)


# ---- questions ----


def question(rng: SampleRandom, asked: Asked) -> str:
    return _reverse_question(rng, asked.fact) if asked.reverse else _value_question(rng, asked.fact)


def _value_question(rng: SampleRandom, fact: Told) -> str:
    def compose() -> str:
        frame = any_form(rng, rng.language, "question_frame")
        ask = any_form(rng, rng.language, f"ask_{fact.relation}")
        low = ask[:1].lower() + ask[1:] if rng.language == "en" else ask
        the = any_form(rng, rng.language, f"the_{fact.relation}") if "{the}" in frame else ""
        return frame.replace("{ask}", ask).replace("{ask_low}", low).replace("{the}", the)

    form = sample_composed(compose, rng.held_out)
    text = fact.about.text
    if rng.language == "en":
        form = form.replace("{s}'s", possessive(text))
    return sentence_case(fill_form(form, s=text))


@cache
def _plain_ways(language: Language, relation: str) -> tuple[str, ...]:
    """The ways to say it that add nothing of their own and point at nobody."""
    ways = grammar(language)[f"say_{relation}"]
    return tuple(way for way in ways if not re.search(r"\[|\{(s_|p_|o|s)\}", way)) or ways[:1]


def _reverse_question(rng: SampleRandom, fact: Told) -> str:
    def compose() -> str:
        part = rng.choice(_plain_ways(rng.language, fact.relation))
        frame = any_form(rng, rng.language, "who_asked" if fact.about.kind == "person" else "which_asked")
        return frame.replace("{v1}", part)

    form = sample_composed(compose, rng.held_out)
    return sentence_case(fill_form(form, **(subject_slots(rng, fact.about) | value_slots(fact))))


# ---- documents ----


def story_document(rng: SampleRandom) -> Document:
    """A text on strangers or a scene, a question on it, and now and then more, some by a pronoun or a name alone."""
    if rng.chance(SCENE_SHARE):
        return scene_document(rng)
    story = sample_story(rng, not rng.chance(UNTOLD_SHARE))
    text = text_of(rng, story.facts)
    turns = [user_turn(laid_out(rng, text, question(rng, story.asked)), 0.05), decisive_turn(_answer(rng, story))]
    last = story.asked
    while rng.chance(0.35) and not rng.short:
        if rng.chance(0.45) and (brief := _brief_question(rng, story, last)):
            request, last = brief
            turns += [user_turn(request, 0.05), decisive_turn(last.answer(rng.language))]
            continue
        asked = _another_question(rng, story)
        last = asked.asked
        turns += [user_turn(question(rng, asked.asked), 0.05), decisive_turn(_answer(rng, asked))]
    return Document("reading", tuple(turns))


def _answer(rng: SampleRandom, story: Story) -> str:
    return story.asked.answer(rng.language) if story.answerable else rng.phrase("not_told")


def _another_question(rng: SampleRandom, story: Story) -> Story:
    """A question on the same facts: on one that is told, or on what is not told of somebody there."""
    if rng.chance(0.75):
        fact = rng.choice(story.facts)
        return Story(story.facts, Asked(fact), True)
    about = rng.choice(story.facts).about
    known = {fact.relation for fact in story.facts if fact.about == about}
    groups = {RELATIONS[r].group for r in known} - {""}
    free = [r for r in OF_KIND[about.kind] if r not in known and RELATIONS[r].group not in groups]
    return Story(story.facts, Asked(told(rng, about, rng.choice(free))), False)


def _brief_question(rng: SampleRandom, story: Story, last: Asked) -> tuple[str, Asked] | None:
    """The same asked of another, who is only named, or something else of the same one by a pronoun."""
    if last.reverse or last.fact not in story.facts:
        return None
    about = last.fact.about
    others = [f for f in story.facts if f.relation == last.fact.relation and f.about != about]
    if others and rng.chance(0.6):
        fact = rng.choice(others)
        return rng.sentence("then_other", s=fact.about.text), Asked(fact)
    rules = grammar(rng.language)
    own = [f for f in story.facts if f.about == about and f != last.fact and f"then_{f.relation}" in rules]
    if not own:
        return None
    fact = rng.choice(own)
    other_sex = _HE if about.she else _SHE
    while about.kind == "person" and other_sex.search(request := rng.sentence(f"then_{fact.relation}")):
        pass
    return request if about.kind == "person" else rng.sentence(f"then_{fact.relation}"), Asked(fact)


_HE, _SHE = re.compile(r"\b(?:he|his)\b|他", re.IGNORECASE), re.compile(r"\b(?:she|her)\b|她", re.IGNORECASE)


def documents_of(rng: SampleRandom, facts: Sequence[Told]) -> tuple[str, ...]:
    """The facts in a document for each of whom they tell."""
    groups: dict[Individual, list[Told]] = {}
    for fact in facts:
        groups.setdefault(fact.about, []).append(fact)
    return tuple(text_of(rng, group) for group in groups.values())
