"""Constrained decoding: masks of the tokens that may come next, for JSON of a schema or a call of a tool."""

from __future__ import annotations

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio.to_thread
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ..contract import Request, ToolSpec
from ..errors import Overloaded, Unsupported, WorkStopped
from ..killable_worker import KillableWorker
from ..runtime.runtime import active_runtime
from ..sync import LoopLimiter
from . import grammar_process
from .grammar_process import compile_grammar, load_vocabulary, raise_error_of, unenforceable
from .token_sampling import Logits

if TYPE_CHECKING:
    import llguidance

# The spacing of JSON in mini's training data: another one would be unlikely text to it.
_JSON_FORMAT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
Allowed = NDArray[np.bool_]  # (vocabulary,)

MAX_SCHEMA_BYTES, MAX_NODES, MAX_DEPTH, MAX_PATTERN_LENGTH = 500_000, 20_000, 50, 4_000
MAX_KEPT, SECONDS_KEPT = 64, 1.0  # compiled schemas, and what it took to compile them: their memory grows with it
MAX_WAITING = 64  # different schemas that wait for their trial, of about a second each at the most
SECONDS_A_REPLY, SECONDS_A_TOKEN = 0.5, 0.01  # of processor time that the masks of one reply may take
# A schema of these words alone is compiled by work in proportion to its size, so a small one needs no trial.
_PLAIN_WORDS = frozenset((
    "type", "properties", "required", "items", "enum", "const", "anyOf", "additionalProperties", "title", "description",
    "default", "examples", "$schema", "nullable", "strict",
))  # fmt: skip
_PLAIN_NODES = 300
_HOLD_SCHEMAS = ("items", "anyOf", "additionalProperties")
_Outcome: TypeAlias = "llguidance.LLMatcher | Unsupported"


class Grammars:
    """The vocabulary of a checkpoint, prepared for grammars; those that were compiled are kept."""

    def __init__(self, tokenizer: Tokenizer, file: Path, end: frozenset[int]) -> None:
        """`file` is the tokenizer's."""
        self.vocabulary = tokenizer.get_vocab_size()
        self.end = end
        self._source = (str(file.resolve()), self.vocabulary, min(end))
        self._kept: OrderedDict[str, tuple[_Outcome, float]] = OrderedDict()
        self._turns = LoopLimiter(1)
        self._waiting: Counter[str] = Counter()

    @cached_property
    def _vocabulary(self) -> llguidance.LLTokenizer:
        return load_vocabulary(*self._source)

    async def matcher(self, schema: Mapping[str, Any]) -> llguidance.LLMatcher:
        """A matcher at the start of the schema's JSON. Raises Unsupported for a schema that cannot be enforced, or not
        within limits of time and memory, with the reason, and Overloaded."""
        lark = f'start: " "? value\nvalue: %json {json.dumps({**schema, "x-guidance": _JSON_FORMAT})}'
        if (kept := self._kept.get(lark)) is None:
            kept = await self._compile(lark, plain=_check_size(schema, len(lark)))
        outcome, _ = kept
        if isinstance(outcome, Unsupported):
            raise Unsupported(*outcome.args)
        return outcome.deep_copy()

    async def _compile(self, lark: str, *, plain: bool) -> tuple[_Outcome, float]:
        """The outcome, and the processor time that it took here."""
        if plain:
            return self._keep(lark, *await anyio.to_thread.run_sync(self._outcome, lark))
        if lark not in self._waiting and len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} JSON schemas wait to be compiled already; try again")
        self._waiting[lark] += 1
        try:
            return await self._try(lark)
        finally:
            self._waiting[lark] -= 1
            if not self._waiting[lark]:
                del self._waiting[lark]

    async def _try(self, lark: str) -> tuple[_Outcome, float]:
        async with self._turns.here():  # the same one may be wanted 64 times
            if (kept := self._kept.get(lark)) is not None:
                return kept
            worker = active_runtime().get(
                KillableWorker, grammar_process.TRIER, grammar_process.SECONDS, grammar_process.MEMORY
            )
            try:
                reason = await worker.call(*self._source, lark)
            except WorkStopped as stopped:
                what = "simplify its patterns and what allOf, $ref and multipleOf combine"
                return self._keep(lark, unenforceable(f"to compile it takes too much ({stopped}); {what}"), 0.0)
            if reason:
                return self._keep(lark, Unsupported(reason), 0.0)
            return self._keep(lark, *await anyio.to_thread.run_sync(self._outcome, lark))

    def _outcome(self, lark: str) -> tuple[_Outcome, float]:
        vocabulary = self._vocabulary
        began = time.thread_time()
        try:
            return compile_grammar(vocabulary, lark), time.thread_time() - began
        except Unsupported as error:
            return error.with_traceback(None), 0.0

    def _keep(self, lark: str, outcome: _Outcome, seconds: float) -> tuple[_Outcome, float]:
        self._kept[lark] = outcome, seconds
        while len(self._kept) > MAX_KEPT or sum(seconds for _, seconds in self._kept.values()) > SECONDS_KEPT:
            self._kept.popitem(last=False)
        return outcome, seconds


def _check_size(schema: Mapping[str, Any], size: int) -> bool:
    """Whether the schema is small and plain. Raises Unsupported for one that is too large."""
    nodes, plain, too_large = 0, True, size > MAX_SCHEMA_BYTES
    rest: list[tuple[Any, bool, int]] = [(schema, True, 0)]  # value, whether it is a schema or some, depth
    while rest and not too_large:
        value, is_schema, depth = rest.pop()
        nodes += 1
        pattern = value.get("pattern") if isinstance(value, Mapping) else None
        long_pattern = isinstance(pattern, str) and len(pattern) > MAX_PATTERN_LENGTH
        too_large = nodes > MAX_NODES or depth > MAX_DEPTH or long_pattern
        if isinstance(value, list):
            rest += [(one, is_schema, depth + 1) for one in value]
        elif isinstance(value, Mapping):
            plain = plain and (not is_schema or value.keys() <= _PLAIN_WORDS)
            for key, inner in value.items():
                if is_schema and key == "properties" and isinstance(inner, Mapping):
                    rest += [(one, True, depth + 2) for one in inner.values()]
                else:
                    rest.append((inner, is_schema and key in _HOLD_SCHEMAS, depth + 1))
    if too_large:
        raise unenforceable(
            f"it is larger than {MAX_SCHEMA_BYTES:,} bytes, {MAX_NODES:,} values, "
            f"{MAX_DEPTH} levels, or a pattern of it is longer than {MAX_PATTERN_LENGTH:,} characters"
        )
    return plain and nodes <= _PLAIN_NODES


class TokenConstraint:
    """Follows one reply. The request's schema applies from the first token on, unless a tool must be called; the schema
    of a call from `call_token` on, which may only come first and is None where a checkpoint has no such token."""

    def __init__(self, grammars: Grammars, call_token: int | None) -> None:
        self._grammars, self._call_token, self._at_start = grammars, call_token, True
        self._matcher: llguidance.LLMatcher | None = None
        self._call_matcher: llguidance.LLMatcher | None = None
        self._must_call, self._seconds = False, 0.0

    @classmethod
    async def of(cls, grammars: Grammars, request: Request, call_token: int | None) -> TokenConstraint:
        """Raises Unsupported for what cannot be enforced."""
        constraint, choice = cls(grammars, call_token), request.tool_choice
        if request.tools and choice != "none":
            constraint._call_matcher = await grammars.matcher(_call_schema(request.tools, choice))
            constraint._must_call = choice != "auto"
        if request.schema is not None and not constraint._must_call:
            constraint._matcher = await grammars.matcher(request.schema)
        return constraint

    def mask_logits(self, logits: Logits) -> Logits:
        """The logits (vocabulary,) with those of tokens that may not come next at minus infinity."""
        if self._matcher is not None:
            return np.where(self._allowed_by(len(logits), self._matcher), logits, -np.inf)
        if self._call_token is None or (self._at_start and self._call_matcher and not self._must_call):
            return logits
        if self._at_start and self._must_call:
            return np.where(np.arange(len(logits)) == self._call_token, logits, -np.inf)
        without_call = logits.copy()
        without_call[self._call_token] = -np.inf
        return without_call

    def advance(self, token: int) -> None:
        """Go on after `token` of the reply."""
        if self._at_start and self._call_matcher and token == self._call_token:
            self._matcher = self._call_matcher
        elif self._matcher is not None and token not in self._grammars.end:
            self._matcher.consume_token(token)
            raise_error_of(self._matcher)
        self._at_start = False

    def _allowed_by(self, vocabulary: int, matcher: llguidance.LLMatcher) -> Allowed:
        import llguidance.numpy as bits

        began = time.thread_time()
        mask = bits.allocate_token_bitmask(1, self._grammars.vocabulary)
        bits.fill_next_token_bitmask(matcher, mask, 0)
        raise_error_of(matcher)
        unpacked = np.unpackbits(mask.view(np.uint8), bitorder="little")[:vocabulary].astype(np.bool_)
        self._seconds += time.thread_time() - began - SECONDS_A_TOKEN
        if self._seconds > SECONDS_A_REPLY:
            raise unenforceable("it takes too long at each token; simplify it")
        allowed = np.zeros(vocabulary, np.bool_)
        allowed[: len(unpacked)] = unpacked
        if matcher.is_accepting():
            allowed[list(self._grammars.end)] = True
        if self._at_start and self._call_matcher is not None and self._call_token is not None:
            allowed[self._call_token] = True
        return allowed


def _call_schema(tools: Sequence[ToolSpec], tool_choice: str) -> dict[str, Any]:
    callable_tools = [tool for tool in tools if tool_choice in ("auto", "required", tool.name)]
    if not callable_tools:
        raise Unsupported(f"tool_choice {tool_choice}: no such tool; the tools are {', '.join(t.name for t in tools)}")
    return {"anyOf": [_one_call(tool) for tool in callable_tools]}


def _one_call(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": dict(tool.parameters) or {"type": "object"}},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
