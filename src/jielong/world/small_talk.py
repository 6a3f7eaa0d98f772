"""Small talk, and the same answers in a polite and in a rude register (for preferences)."""

from __future__ import annotations

from .facts import sample_fact
from .training_examples import Document, assistant_turn, system_turn, user_turn
from .vocabulary import SampleRandom, wordlists


def small_talk_document(rng: SampleRandom) -> Document:
    words = wordlists(rng.language)["talk"]
    if rng.chance(0.35):
        topic = rng.choice(("hello", "who", "can", "thanks"))
        return Document("talk", (user_turn(rng.choice(words[topic])), assistant_turn(words[f"{topic}_reply"])))
    register = rng.choice(("polite", "rude"))
    fact = sample_fact(rng)
    reply = rng.choice(words[f"{register}_reply"]).format(reply=fact.statement(rng))
    turns = (system_turn(rng.choice(words[register])), user_turn(fact.question(rng)), assistant_turn(reply))
    return Document("talk", turns, (fact.id,))
