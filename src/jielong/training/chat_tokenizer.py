"""A tokenizer with its chat template: conversations as tokens, of which those of the assistant count in the loss.

The checkpoint says all of it: which tokens begin and end a text, and how turns are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tokenizers import Tokenizer

from ..bounded_json import read_json
from ..models.template_rendering import ChatTemplateSource, TemplateRefused
from ..regular_files import read_regular_file
from .sequence_packing import EncodedDocument

JsonObjects: TypeAlias = Sequence[dict[str, Any]]


class ChatTokenizer:
    """`config` is the content of `tokenizer_config.json`; a `chat_template` in it is needed for conversations alone."""

    def __init__(self, tokenizer: Tokenizer, config: Mapping[str, Any], *, trusted: bool = False) -> None:
        self.tokenizer, self.config = tokenizer, dict(config)
        tokens = {name: config.get(name) for name in ("bos_token", "eos_token", "pad_token")}
        self._special = {
            name: str(token["content"]) if isinstance(token, dict) else token for name, token in tokens.items() if token
        }
        template = config.get("chat_template")
        self._template = ChatTemplateSource(template, trusted=trusted) if isinstance(template, str) else None

    @classmethod
    def from_folder(cls, folder: Path) -> ChatTokenizer:
        """The tokenizer of a checkpoint in Hugging Face layout."""
        config = read_json(read_regular_file(folder / "tokenizer_config.json"))
        if (template := folder / "chat_template.jinja").exists():
            config["chat_template"] = read_regular_file(template).decode()
        return cls(Tokenizer.from_buffer(read_regular_file(folder / "tokenizer.json")), config)

    def special_id(self, name: str) -> int | None:
        """The id of `bos_token`, `eos_token` or `pad_token`; None where the checkpoint has none."""
        token = self._special.get(name)
        return None if token is None else self.tokenizer.token_to_id(token)

    def encode_text(self, text: str) -> list[int]:
        """A plain text and the token that ends it."""
        end = self.special_id("eos_token")
        return [*self.tokenizer.encode(text).ids, *([] if end is None else [end])]

    def encode_conversation(self, messages: JsonObjects, tools: JsonObjects | None) -> EncodedDocument:
        """The tokens of a conversation; the assistant's have weight 1, all others 0, as have messages of weight 0.

        Raises ValueError where there is no template, or one that cannot be cut at the assistant's turns.
        """
        learnt = [message["role"] == "assistant" and _counts(message) for message in messages]
        if not any(learnt):
            raise ValueError("no message of the assistant that counts: there is nothing to learn")
        turns = [i for i in range(len(messages)) if learnt[i]]
        # The span of a turn: from where its reply begins (with the generation prompt) to where it ends.
        ends = [(end, prompt) for i in turns for end, prompt in ((i, True), (i + 1, False))]
        text, *parts = self._render(messages, tools, [(len(messages), False), *ends])
        spans = []
        for i, before, until in zip(turns, parts[::2], parts[1::2], strict=True):
            if not (text.startswith(until) and until.startswith(before)):
                raise ValueError(f"the chat template changes earlier turns; turn {i} cannot be told from the rest")
            spans.append((len(before), len(until)))
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        weights = [float(any(a <= start and end <= b for a, b in spans)) for start, end in encoding.offsets]
        return EncodedDocument(encoding.ids, weights)

    def _render(
        self, messages: JsonObjects, tools: JsonObjects | None, ends: Sequence[tuple[int, bool]]
    ) -> Sequence[str]:
        """The messages up to each of `ends`, with the generation prompt or without."""
        if self._template is None:
            raise ValueError("messages need a tokenizer with a chat template, and this one has none")
        try:
            return self._template.render(
                *({**self._special, "messages": messages[:end], "tools": tools, "add_generation_prompt": prompt}
                  for end, prompt in ends)
            )  # fmt: skip
        except TemplateRefused as error:
            raise ValueError(f"the chat template refuses these messages: {error}") from None


def _counts(message: Mapping[str, Any]) -> bool:
    """Whether a message is learnt: not where its `weight`, as OpenAI writes it, `train` or `loss` is 0 or false."""
    for name in ("weight", "train", "loss"):
        value = message.get(name)
        if value is not None and value not in (0, 1):
            raise ValueError(f"{name} = {value!r}; expected 0 or 1")
        if value is not None and not value:
            return False
    return True
