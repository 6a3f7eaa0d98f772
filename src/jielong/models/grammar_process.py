"""Whether a grammar can be compiled at all, found out in a process of its own before it is compiled in this one.

llguidance bounds most of its work by fuel, but not all: whether the intersection of patterns is empty can take for ever
and all memory, in a schema of 2 kB. So a schema is first compiled and followed for some tokens in a process that is
killed when it takes too long; what ends there within its limits ends here, as the same thing is done.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Unsupported
from ..killable_worker import bound_time

if TYPE_CHECKING:
    import llguidance

TRIER = "jielong.models.grammar_process:trier"
SECONDS, CPU_SECONDS = 30.0, 1.0  # for one grammar: on the clock of a machine that may be busy, and of work
MEMORY = 1 << 30  # bytes of address space, of which a third is taken before any grammar
FIRST_TOKENS, MASK_SECONDS = 12, 0.05  # that are tried, and the processor time that the mask of one may take


def load_vocabulary(file: str, size: int, end: int) -> llguidance.LLTokenizer:
    """`file` is a tokenizer.json. Like the import, it takes a while, and most requests need neither."""
    import llguidance

    return llguidance.LLTokenizer(Path(file).read_text("utf-8"), n_vocab=size, eos_token=end)


def compile_grammar(vocabulary: llguidance.LLTokenizer, lark: str) -> llguidance.LLMatcher:
    """Raises Unsupported for what cannot be enforced, with the reason."""
    import llguidance

    limits = llguidance.LLParserLimits(
        step_lexer_fuel=100_000,  # about 7 ms for one mask
        step_max_items=50_000,
        max_items_in_row=10_000,  # an object of 500 optional properties needs 2,000
        max_lexer_states=20_000,  # about 2 kB each
        verbose_errors=False,
    )
    matcher = llguidance.LLMatcher(vocabulary, llguidance.LLMatcher.grammar_from_lark(lark), limits=limits, log_level=0)
    raise_error_of(matcher)
    return matcher


def raise_error_of(matcher: llguidance.LLMatcher) -> None:
    if matcher.is_error():
        raise unenforceable(" ".join(matcher.get_error().split())[:200])


def unenforceable(reason: str) -> Unsupported:
    return Unsupported(f"this JSON schema cannot be enforced: {reason}")


def trier() -> Callable[[str, int, int, str], str]:
    """What runs in the process: "" for a grammar that can be enforced, at least for some tokens, else the reason."""
    if hasattr(os, "nice"):
        os.nice(5)  # who waits for a schema waits for others

    vocabulary_of = lru_cache(4)(load_vocabulary)

    def attempt(file: str, size: int, end: int, lark: str) -> str:
        vocabulary = vocabulary_of(file, size, end)
        bound_time(CPU_SECONDS)
        try:
            _follow(compile_grammar(vocabulary, lark))
        except Unsupported as error:
            return str(error)
        return ""

    return attempt


def _follow(matcher: llguidance.LLMatcher) -> None:
    """Some text of the grammar."""
    draw = random.Random(0)
    for _ in range(FIRST_TOKENS):
        began = time.thread_time()
        mask = int.from_bytes(matcher.compute_bitmask(), "little")
        if time.thread_time() - began > MASK_SECONDS:
            raise unenforceable("it takes too long at each token; simplify it")
        tokens = [token for token in range(mask.bit_length()) if mask >> token & 1] if mask.bit_length() < 4096 else []
        token = draw.choice(tokens) if tokens else mask.bit_length() - 1
        if not mask or not matcher.consume_token(token) or matcher.is_stopped():
            break
    raise_error_of(matcher)
