"""Items of `mini:small_talk`, `outside`, `arithmetic`, `follow_up` and `system`, and what their replies are worth."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ..contract import Message, Reply
from ..world import conversation, facts, follow_ups, plain_arithmetic, system_messages
from ..world.draws import first_fitting
from ..world.noise import half_width, noisy
from ..world.vocabulary import SampleRandom
from .item import Item
from .metric import CheckMetric, Score

NOISE_VARIANTS = ("noisy", "half_width")
_NOT_KNOWN = re.compile(r"\b(?:do not|don't|cannot|can't|not able to)\b|不知道|做不到|不会|无法|不能", re.IGNORECASE)
_SENTENCE = "sentence"


def small_talk_items(rng: SampleRandom, intent: str) -> Iterator[Item]:
    """What people say first; every reply to its intent is accepted."""
    while True:
        of_item = intent or conversation.sample_intent(rng)
        request, _ = conversation.small_talk(rng, of_item)
        yield Item("", request, conversation.talk_replies(rng.language, of_item), cluster=of_item)


def outside_items(rng: SampleRandom, _: str) -> Iterator[Item]:
    while True:
        request, reply = conversation.outside_request(rng)
        yield Item("", request, (reply,))


def arithmetic_items(rng: SampleRandom, variant: str) -> Iterator[Item]:
    """`easy` is what mini answers at once, `long` what it works out, `steps` asks for steps."""
    while True:
        calculation = plain_arithmetic.sample_calculation(rng)
        if variant in ("easy", "long") and calculation.easy != (variant == "easy"):
            continue
        question = calculation.question
        if variant == "steps":
            question = plain_arithmetic.with_steps_asked(rng, question)
        yield Item("", question, (str(calculation.answer),))


def follow_up_items(rng: SampleRandom, known: list[facts.Fact]) -> Iterator[Item]:
    """The last of two to four exchanges; the earlier ones were answered rightly."""
    while True:
        exchanges = follow_ups.sample_follow_up(rng, rng.choice((2, 2, 3, 4)), known)
        earlier = [
            message for e in exchanges[:-1] for message in (Message("user", e.request), Message("assistant", e.reply))
        ]
        yield Item("", (*earlier, Message("user", exchanges[-1].request)), (exchanges[-1].reply,))


def system_items(rng: SampleRandom, kind: str, known: list[facts.Fact]) -> Iterator[Item]:
    """System messages that say how to answer, on facts that are `known`."""
    known_ids = {fact.id for fact in known}
    while True:
        instructed = first_fitting(
            lambda: system_messages.sample_instructed(rng, kind),
            lambda instructed: known_ids.issuperset(instructed.facts),
            f"a request on well-known facts under a system message {kind}".strip(),
        )
        messages = [Message("system", instructed.system)] if instructed.system else []
        accepted = (instructed.value,) if instructed.value else (instructed.reply,)
        cluster = _SENTENCE if instructed.value else None
        yield Item("", (*messages, Message("user", instructed.request)), accepted, cluster=cluster)


def says_that_it_does_not_know(_: Item, reply: Reply) -> Score:
    found = _NOT_KNOWN.search(reply.text)
    return Score(float(found is not None), found[0] if found else None)


def obeys(item: Item, reply: Reply) -> Score:
    """The reply that was asked for; where a sentence was, any that names the value."""
    text = reply.text.strip()
    if item.cluster == _SENTENCE:
        return Score(float(item.accepted[0] in text and len(text) > len(item.accepted[0]) + 3), text)
    return Score(float(text in item.accepted), text)


OUTSIDE = CheckMetric("says_that_it_does_not_know", says_that_it_does_not_know)
OBEYS = CheckMetric("obeys", obeys)


def with_noise(rng: SampleRandom, item: Item, noise: str) -> Item:
    """The last user message as somebody may have typed it."""
    *before, last = (Message("user", item.input),) if isinstance(item.input, str) else item.input
    text = (
        noisy(rng, last.text, leads=item.context != ()) if noise == "noisy" else half_width(last.text, rng.chance(0.4))
    )
    return replace(item, input=text if isinstance(item.input, str) else (*before, Message("user", text)))
