"""What a reply may hold, token by token: JSON of a schema, or a call of one of the tools that were offered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import llguidance
import llguidance.numpy as bits
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ..contract import ToolSpec
from ..errors import Unsupported
from .token_sampling import Logits

_AS_TRAINED = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
Allowed = NDArray[np.bool_]  # (vocabulary,)


class Grammars:
    """The vocabulary of a checkpoint, prepared for grammars."""

    def __init__(self, tokens: Tokenizer, end: frozenset[int]) -> None:
        self.vocabulary = tokens.get_vocab_size()
        self.end = end
        self._prepared = llguidance.LLTokenizer(tokens.to_str(), n_vocab=self.vocabulary, eos_token=min(end))

    def matcher(self, schema: Mapping[str, Any]) -> llguidance.LLMatcher:
        """Raises Unsupported for a schema that cannot be kept to, saying why."""
        told = {**schema, "x-guidance": _AS_TRAINED}
        lark = f'start: " "? value\nvalue: %json {json.dumps(told)}'
        made = llguidance.LLMatcher(self._prepared, llguidance.LLMatcher.grammar_from_lark(lark))
        if made.is_error():
            said = " ".join(made.get_error().split())
            raise Unsupported(f"this JSON schema cannot be kept to: {said[:200]}")
        return made


class TokenConstraint:
    """Follows one reply. `schema` holds from the first token on; the schema of a call from the token `call` on.

    `call` is None for a checkpoint that has no token for calls; it may only come first.
    """

    def __init__(
        self,
        grammars: Grammars,
        *,
        schema: Mapping[str, Any] | None,
        call: int | None,
        tools: Sequence[ToolSpec],
        tool_choice: str,
    ) -> None:
        self._grammars, self._call, self._first = grammars, call, True
        self._matcher = None if schema is None else grammars.matcher(schema)
        self._calls = _call_schema(tools, tool_choice) if tools and tool_choice != "none" else None
        self._must_call = self._calls is not None and tool_choice != "auto"
        if self._calls:
            grammars.matcher(self._calls)

    def narrowed(self, logits: Logits) -> Logits:
        """The logits with those of tokens that may not come next at minus infinity."""
        if self._matcher is not None:
            return np.where(self._matched(len(logits), self._matcher), logits, -np.inf)
        if self._call is None or (self._first and self._calls and not self._must_call):
            return logits
        if self._first and self._must_call:
            return np.where(np.arange(len(logits)) == self._call, logits, -np.inf)
        without_call = logits.copy()
        without_call[self._call] = -np.inf
        return without_call

    def took(self, token: int) -> None:
        if self._first and self._calls and token == self._call:
            self._matcher = self._grammars.matcher(self._calls)
        elif self._matcher is not None and token not in self._grammars.end:
            self._matcher.consume_token(token)
        self._first = False

    def _matched(self, vocabulary: int, matcher: llguidance.LLMatcher) -> Allowed:
        mask = bits.allocate_token_bitmask(1, self._grammars.vocabulary)
        bits.fill_next_token_bitmask(matcher, mask, 0)
        found = np.unpackbits(mask.view(np.uint8), bitorder="little")[:vocabulary].astype(np.bool_)
        allowed = np.zeros(vocabulary, np.bool_)
        allowed[: len(found)] = found
        if matcher.is_accepting():
            allowed[list(self._grammars.end)] = True
        if self._first and self._calls is not None and self._call is not None:
            allowed[self._call] = True
        return allowed


def _call_schema(tools: Sequence[ToolSpec], tool_choice: str) -> dict[str, Any]:
    offered = [tool for tool in tools if tool_choice in ("auto", "required", tool.name)]
    if not offered:
        raise Unsupported(f"tool_choice {tool_choice}: no such tool; the tools are {', '.join(t.name for t in tools)}")
    return {"anyOf": [_one_call(tool) for tool in offered]}


def _one_call(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": dict(tool.parameters) or {"type": "object"}},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
