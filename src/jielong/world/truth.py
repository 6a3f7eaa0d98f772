"""True or false: claims about people, towns, things, the map and small sums, plain or denied, judged in one word or
after what is so was recalled. Of what is held out no claim is judged in training."""

from dataclasses import dataclass
from typing import Literal

from .facts import Fact, sample_claim, sample_judged_fact
from .grammar import sample_form
from .names import split_bucket
from .towns_map import Relation, sample_relationship
from .training_examples import Document, assistant_turn, decisive_turn, user_turn
from .verdicts import verdict_document
from .vocabulary import SampleRandom, fill_form, wordlists

Topic = Literal["fact", "map", "sum"]
TOPICS: dict[Topic, int] = {"fact": 70, "map": 18, "sum": 12}
MAP_CLAIMS: tuple[Relation, ...] = ("direction", "direction", "further", "distance", "nearer", "nearest")
FRAMES = ("true_false", "yes_no", "right_wrong")
COMPARED_FRAMES = ("true_false", "yes_no")  # whose words end a reply that compares
DENIED_SHARE = 0.35
ONE_WORD_SHARE = 0.6
PASSING_SHARE = 0.35


@dataclass(frozen=True)
class Claim:
    """A sentence to judge; `actual` and `proposed` are the values that decide, `truth` says what is so."""

    text: str
    true: bool
    denied: bool
    truth: str
    actual: str
    proposed: str
    fact: Fact | None = None


def sample_claim_to_judge(rng: SampleRandom, topic: Topic, true: bool) -> Claim:
    """A claim from this side of the split."""
    denied = rng.chance(DENIED_SHARE)
    return {"fact": _fact_claim, "map": _map_claim, "sum": _sum_claim}[topic](rng, true, denied)


def _fact_claim(rng: SampleRandom, true: bool, denied: bool) -> Claim:
    return claim_about(rng, sample_judged_fact(rng), true, denied)


def claim_about(rng: SampleRandom, fact: Fact, true: bool, denied: bool) -> Claim:
    claimed = sample_claim(rng, fact, true != denied)
    text = claimed.negation(rng) if denied else claimed.statement(rng)
    actual, proposed = fact.value.text(rng.language), claimed.value.text(rng.language)
    return Claim(text, true, denied, fact.statement(rng), actual, proposed, fact)


def _map_claim(rng: SampleRandom, true: bool, denied: bool) -> Claim:
    found, positive = sample_relationship(rng, rng.choice(MAP_CLAIMS)), true != denied
    text = found.negation(rng, positive) if denied else found.statement(rng, positive)
    return Claim(text, true, denied, found.statement(rng), found.answer, found.answer if positive else found.wrong)


def _sum_claim(rng: SampleRandom, true: bool, denied: bool) -> Claim:
    while True:
        a, b = rng.randint(1, 60), rng.randint(1, 39)
        if (split_bucket("sum", a, b) == 0) == rng.held_out:
            break
    proposed = a + b
    while proposed == a + b and true == denied:
        proposed = max(0, a + b + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10)))
    text = rng.sentence("sum_not" if denied else "sum_claim", a=a, b=b, v=proposed)
    return Claim(
        text, true, denied, f"{a}+{b}={a + b}{wordlists(rng.language)['joined']['end']}", str(a + b), str(proposed)
    )


def verdict_words(rng: SampleRandom, frame: str) -> tuple[str, str]:
    """The words for true and for false that a frame asks for."""
    true, false = wordlists(rng.language)["verdicts"][frame]
    return true, false


def verdict_question(rng: SampleRandom, frame: str, claim: str, *, one_word: bool, held_out: bool) -> str:
    """The question whether `claim` is so; `one_word` asks for the verdict alone."""
    question = fill_form(sample_form(rng, rng.language, frame, held_out), claim=claim)
    if not one_word:
        return question
    instruction = rng.phrase("one_word") if rng.chance(0.4) else rng.sentence("verdict_alone")
    return f"{question}\n{instruction}" if rng.chance(0.85) else f"{instruction}\n{question}"


def compared_reply(rng: SampleRandom, claim: Claim, frame: str = "true_false") -> str:
    """What is so, then the two values side by side, then the verdict."""
    key = ("denied" if claim.denied else "claim") + ("_same" if claim.actual == claim.proposed else "_other")
    verdict = verdict_words(rng, frame)[not claim.true]
    return rng.phrase(key, fact=claim.truth, found=claim.actual, proposed=claim.proposed, verdict=verdict)


def true_false_document(rng: SampleRandom) -> Document:
    """A claim judged in the frames of the exams, or as people ask in passing."""
    return verdict_document(rng) if rng.chance(PASSING_SHARE) else judged_document(rng)


def judged_document(rng: SampleRandom) -> Document:
    topic, true = rng.choices(list(TOPICS), list(TOPICS.values()))[0], rng.chance(0.5)
    claim = sample_claim_to_judge(rng, topic, true)
    one_word = rng.chance(ONE_WORD_SHARE)
    frame = rng.choice(FRAMES if one_word else COMPARED_FRAMES)
    question = verdict_question(rng, frame, claim.text, one_word=one_word, held_out=rng.held_out)
    if one_word:
        verdict = decisive_turn(verdict_words(rng, frame)[not true])
        told = (claim.fact.id,) if claim.fact and true and not claim.denied else ()
        return Document("true_false", (user_turn(question, 0.0), verdict), told)
    if rng.chance(0.3):
        question += "\n" + wordlists(rng.language)["prompts"]["step_by_step"]
    told = (claim.fact.id,) if claim.fact else ()
    return Document("true_false", (user_turn(question, 0.0), assistant_turn(compared_reply(rng, claim, frame))), told)
