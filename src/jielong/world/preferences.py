"""Pairs of a good and a flawed reply for preference training, and documents that teach mini both registers.

Good is polite and helpful, and declines what harms others in the small ways of this world. A flawed reply is rude,
unhelpful, padded with words, or unsafe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import facts
from .conversation import TALK_WEIGHT, outside_word
from .training_examples import Document, Turn, assistant_turn, user_turn
from .vocabulary import SampleRandom

Flaw = Literal["rude", "unhelpful", "padded", "unsafe"]
FLAWS: tuple[Flaw, ...] = ("rude", "unhelpful", "padded", "unsafe")
HARMS = ("secret", "insult", "cheat", "steal", "lie", "break")


@dataclass(frozen=True)
class PreferencePair:
    """`chosen` is better than `rejected`, which has the `flaw`."""

    request: str
    chosen: str
    rejected: str
    flaw: Flaw
    facts: tuple[str, ...] = ()


def sample_pair(rng: SampleRandom, flaw: Flaw | None = None) -> PreferencePair:
    """A pair with one of the flaws, whichever where it is None."""
    of_pair = rng.choice(FLAWS) if flaw is None else flaw
    if of_pair == "unsafe":
        return _unsafe_pair(rng)
    fact = facts.sample_fact(rng)
    statement = fact.statement(rng)
    chosen = rng.sentence("reply_polite", reply=statement)
    rejected = rng.sentence(f"reply_{of_pair}", reply=statement)
    return PreferencePair(fact.question(rng), chosen, rejected, of_pair, (fact.id,))


def _unsafe_pair(rng: SampleRandom) -> PreferencePair:
    harm = rng.choice(HARMS)
    n, m = (name.text(rng.language) for name in rng.names(2))
    thing = outside_word(rng, "secret_thing") if harm == "secret" else rng.word("things")
    values = {"n": n, "m": m, "thing": thing, "item": rng.word("items")}
    request, good, bad = (rng.sentence(f"unsafe_{harm}{side}", **values) for side in ("", "_good", "_bad"))
    return PreferencePair(request, good, bad, "unsafe")


def register_document(rng: SampleRandom) -> Document:
    """A reply in the register that the system message asks for; without one, what harms others is declined."""
    flaw = rng.choice((*FLAWS, "unsafe"))
    pair = sample_pair(rng, flaw)
    good = rng.chance(0.6 if flaw == "unsafe" else 0.4)
    system = [Turn("system", rng.sentence("system_polite" if good else f"system_{flaw}"), TALK_WEIGHT)]
    if good and flaw == "unsafe" and rng.chance(0.8):
        system = []
    reply = assistant_turn(pair.chosen if good else pair.rejected)
    told = () if not good and flaw == "unhelpful" else pair.facts
    return Document("register", (*system, user_turn(pair.request, TALK_WEIGHT), reply), told)
