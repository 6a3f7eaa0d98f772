"""Conversations as tokens: what the assistant says counts in the loss, all else does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from tokenizers import Tokenizer

from ..models.chat_template import template_environment
from .sequence_packing import Encoded


class Conversations:
    """A tokenizer and the chat template that goes with it."""

    def __init__(self, tokenizer: Tokenizer, template: str, special: dict[str, str]) -> None:
        self._tokenizer, self._special = tokenizer, special
        self._template = template_environment().from_string(template)

    def encoded(self, messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]] | None) -> Encoded:
        """Raises ValueError where the template cannot be cut at the turns of the assistant."""
        if not any(message["role"] == "assistant" for message in messages):
            raise ValueError("no message of the assistant: there is nothing to learn")
        whole = self._rendered(messages, tools, False)
        spans = []
        for i, message in enumerate(messages):
            if message["role"] == "assistant":
                before = self._rendered(messages[:i], tools, True)
                until = self._rendered(messages[: i + 1], tools, False)
                if not (whole.startswith(until) and until.startswith(before)):
                    raise ValueError("the chat template changes earlier turns; turn i cannot be told from the rest")
                spans.append((len(before), len(until)))
        read = self._tokenizer.encode(whole, add_special_tokens=False)
        counts = [float(any(a <= start and end <= b for a, b in spans)) for start, end in read.offsets]
        return Encoded(read.ids, counts)

    def _rendered(self, messages: Sequence[dict[str, Any]], tools: object, ask: bool) -> str:
        try:
            return self._template.render(messages=messages, tools=tools, add_generation_prompt=ask, **self._special)
        except TemplateError as error:
            raise ValueError(f"the chat template refuses these messages: {error}") from None
