"""Requests for a load test, no two of which begin alike: a server that has seen a beginning answers it from its cache.

They differ between runs, too, so that a second test is not answered by what the first has left there.
"""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Iterator

from ..contract import Message, Request
from ..tasks.task import Task

_WORDS = (
    "river window summer garden letter bridge music winter engine market island teacher pocket silver mountain doctor "
    "kitchen yellow travel morning paper station forest number butter holiday stone answer village circle animal copper"
).split()


def word_prompts(words: int, max_tokens: int | None) -> Iterator[Request]:
    """Endless requests of about this many words, each opening with words of its own."""
    drawn = random.Random(uuid.uuid4().hex)
    while True:
        opening = " ".join(f"{word}{drawn.randrange(1000)}" for word in drawn.sample(_WORDS, 4))
        rest = " ".join(drawn.choice(_WORDS) for _ in range(max(0, words - 4)))
        yield _limited(Request((Message("user", f"{opening} {rest}\nWrite a story with these words."),)), max_tokens)


def task_prompts(task: Task, max_tokens: int | None) -> Iterator[Request]:
    """The task's own requests, again and again, each time in another order."""
    drawn = random.Random(uuid.uuid4().hex)
    for _ in itertools.count():
        for item in drawn.sample(task.items, len(task.items)):
            yield _limited(item.request(), max_tokens)


def _limited(request: Request, max_tokens: int | None) -> Request:
    """Without a seed, as only then no reply comes from the ledger."""
    return request.with_sampling(seed=None, max_tokens=max_tokens)
