"""Small talk, and the same answers in a polite and in a rude register (for preferences)."""

from __future__ import annotations

from .facts import drawn_fact
from .training_examples import Document, assistant, system, user
from .vocabulary import SampleRandom, data


def talked(draw: SampleRandom) -> Document:
    words = data(draw.language)["talk"]
    if draw.chance(0.35):
        topic = draw.rng.choice(("hello", "who", "can", "thanks"))
        return Document("talk", (user(draw.rng.choice(words[topic])), assistant(words[f"{topic}_reply"])))
    register = draw.rng.choice(("polite", "rude"))
    fact = drawn_fact(draw)
    reply = draw.rng.choice(words[f"{register}_reply"]).format(reply=fact.statement(draw))
    turns = (system(draw.rng.choice(words[register])), user(fact.question(draw)), assistant(reply))
    return Document("talk", turns, (fact.id,))
