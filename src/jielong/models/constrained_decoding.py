"""Constrained decoding: masks of the tokens that may come next, for JSON of a schema or a call of a tool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import llguidance
import llguidance.numpy as bits
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ..contract import Request, ToolSpec
from ..errors import Unsupported
from .token_sampling import Logits

# The spacing of JSON in mini's training data: another one would be unlikely text to it.
_JSON_FORMAT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
Allowed = NDArray[np.bool_]  # (vocabulary,)


class Grammars:
    """The vocabulary of a checkpoint, prepared for grammars."""

    def __init__(self, tokenizer: Tokenizer, end: frozenset[int]) -> None:
        self.vocabulary = tokenizer.get_vocab_size()
        self.end = end
        self._tokenizer = llguidance.LLTokenizer(tokenizer.to_str(), n_vocab=self.vocabulary, eos_token=min(end))

    def matcher(self, schema: Mapping[str, Any]) -> llguidance.LLMatcher:
        """Raises Unsupported for a schema that cannot be enforced, with the reason."""
        formatted = {**schema, "x-guidance": _JSON_FORMAT}
        lark = f'start: " "? value\nvalue: %json {json.dumps(formatted)}'
        matcher = llguidance.LLMatcher(self._tokenizer, llguidance.LLMatcher.grammar_from_lark(lark))
        if matcher.is_error():
            reason = " ".join(matcher.get_error().split())
            raise Unsupported(f"this JSON schema cannot be enforced: {reason[:200]}")
        return matcher


class TokenConstraint:
    """Follows one reply. The request's schema applies from the first token on, unless a tool must be called; the schema
    of a call from `call_token` on, which may only come first and is None where a checkpoint has no such token."""

    def __init__(self, grammars: Grammars, request: Request, call_token: int | None) -> None:
        tools, choice, schema = request.tools, request.tool_choice, request.schema
        self._grammars, self._call_token, self._at_start = grammars, call_token, True
        self._call_schema = _call_schema(tools, choice) if tools and choice != "none" else None
        self._must_call = self._call_schema is not None and choice != "auto"
        self._matcher = None if schema is None or self._must_call else grammars.matcher(schema)
        if self._call_schema:
            grammars.matcher(self._call_schema)  # raises now and not in the middle of a reply

    def mask_logits(self, logits: Logits) -> Logits:
        """The logits (vocabulary,) with those of tokens that may not come next at minus infinity."""
        if self._matcher is not None:
            return np.where(self._allowed_by(len(logits), self._matcher), logits, -np.inf)
        if self._call_token is None or (self._at_start and self._call_schema and not self._must_call):
            return logits
        if self._at_start and self._must_call:
            return np.where(np.arange(len(logits)) == self._call_token, logits, -np.inf)
        without_call = logits.copy()
        without_call[self._call_token] = -np.inf
        return without_call

    def advance(self, token: int) -> None:
        """Go on after `token` of the reply."""
        if self._at_start and self._call_schema and token == self._call_token:
            self._matcher = self._grammars.matcher(self._call_schema)
        elif self._matcher is not None and token not in self._grammars.end:
            self._matcher.consume_token(token)
        self._at_start = False

    def _allowed_by(self, vocabulary: int, matcher: llguidance.LLMatcher) -> Allowed:
        mask = bits.allocate_token_bitmask(1, self._grammars.vocabulary)
        bits.fill_next_token_bitmask(matcher, mask, 0)
        unpacked = np.unpackbits(mask.view(np.uint8), bitorder="little")[:vocabulary].astype(np.bool_)
        allowed = np.zeros(vocabulary, np.bool_)
        allowed[: len(unpacked)] = unpacked
        if matcher.is_accepting():
            allowed[list(self._grammars.end)] = True
        if self._at_start and self._call_schema is not None and self._call_token is not None:
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
