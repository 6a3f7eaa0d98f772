"""One-word verdicts as people ask for them: claims within a sentence, questions, small sums, and any pair of words."""

from __future__ import annotations

from .draws import first_fitting
from .facts import Fact, sample_claim, sample_judged_fact
from .grammar import any_form, grammar, sample_composed
from .names import split_bucket
from .noise import starts_with_common_word
from .training_examples import Document, decisive_turn, user_turn
from .vocabulary import SampleRandom

PAIRS = {
    "en": (("true", "false"), ("yes", "no"), ("right", "wrong"), ("correct", "wrong"), ("correct", "incorrect")),
    "zh": (
        *(("对", "错"), ("是", "否"), ("真", "假"), ("正确", "错误"), ("是", "不是"), ("对", "不对")),
        *(("true", "false"), ("yes", "no")),
    ),
}
PAIR_SHARES = {"en": (5, 5, 2, 2, 1), "zh": (5, 4, 4, 4, 2, 1, 1, 1)}
QUESTION_PAIRS = {"en": (("yes", "no"),), "zh": (("是", "否"), ("是", "不是"), ("对", "错"), ("对", "不对"))}
_FULL_STOPS = ".。"


def verdict_document(rng: SampleRandom) -> Document:
    question, verdict, told = sample_verdict(rng)
    return Document("true_false", (user_turn(question, 0.0), decisive_turn(verdict)), told)


def sample_verdict(rng: SampleRandom) -> tuple[str, str, tuple[str, ...]]:
    """The question, its verdict, and the facts that a true claim states."""
    true = rng.chance(0.5)
    draw = rng.random()
    told: tuple[str, ...] = ()
    if draw < 0.25:
        claim = _sum(rng, true)
    else:
        fact = sample_judged_fact(rng)
        if draw < 0.6 and f"{fact.relation}_whether" in grammar(rng.language):
            return _question(rng, fact, true)
        claim, told = _claim(rng, fact, true)
    a, b = rng.choices(PAIRS[rng.language], PAIR_SHARES[rng.language])[0]
    form = sample_composed(lambda: any_form(rng, rng.language, "verdict_frame"), rng.held_out)
    return _capitalised(rng, form.format(claim=claim, a=a, b=b)), a if true else b, told


def _claim(rng: SampleRandom, fact: Fact, true: bool) -> tuple[str, tuple[str, ...]]:
    """The claim without its full stop, and with a small first letter where that is no name's."""
    denied = rng.chance(0.35)
    claimed = sample_claim(rng, fact, true != denied)
    text = (claimed.negation(rng) if denied else claimed.statement(rng)).rstrip(_FULL_STOPS)
    if rng.language == "en" and starts_with_common_word("en", text):
        text = text[0].lower() + text[1:]
    return text, (fact.id,) if true and not denied else ()


def _question(rng: SampleRandom, fact: Fact, true: bool) -> tuple[str, str, tuple[str, ...]]:
    claimed = sample_claim(rng, fact, true)
    values = {"s": fact.subject.text(rng.language), "v": claimed.value.text(rng.language)}

    def compose() -> str:
        asked = any_form(rng, rng.language, f"{fact.relation}_whether")
        return any_form(rng, rng.language, "verdict_question").replace("{q}", asked)

    a, b = rng.choice(QUESTION_PAIRS[rng.language])
    text = sample_composed(compose, rng.held_out).format(a=a, b=b, **values)
    return _capitalised(rng, text), a if true else b, (fact.id,) if true else ()


def _sum(rng: SampleRandom, true: bool) -> str:
    """A claim on two small numbers; every value is right or wrong by 1 to 10."""
    kind = rng.choice(("sum", "product", "difference", "order", "half"))
    denied = kind not in ("order", "half") and rng.chance(0.3)
    a, b = first_fitting(
        lambda: _numbers(rng, kind, true),
        lambda pair: (split_bucket("sum", *pair) == 0) == rng.held_out,
        f"two numbers for a {kind}",
    )
    value = {"sum": a + b, "product": a * b, "difference": a - b, "order": 0, "half": a // 2}[kind]
    if true == denied:
        value = max(0, value + rng.choice((-10, -3, -2, -1, 1, 2, 3, 10))) if value > 10 else value + rng.randint(1, 4)
    return any_form(rng, rng.language, f"verdict_{kind}{'_not' if denied else ''}").format(a=a, b=b, v=value)


def _capitalised(rng: SampleRandom, text: str) -> str:
    return text[:1].upper() + text[1:] if rng.language == "en" and rng.chance(0.6) else text


def _numbers(rng: SampleRandom, kind: str, true: bool) -> tuple[int, int]:
    if kind == "product":
        return rng.randint(2, 12), rng.randint(2, 12)
    if kind == "half":
        return 2 * rng.randint(2, 60), 2
    a, b = rng.randint(2, 60), rng.randint(2, 39)
    if kind == "order":
        a += a == b
        return (max(a, b), min(a, b)) if true else (min(a, b), max(a, b))
    return (max(a, b), min(a, b)) if kind == "difference" else (a, b)
