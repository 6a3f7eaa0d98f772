"""A tokenizer with its chat template: conversations as tokens, of which those of the assistant count in the loss.

The checkpoint says all of it: which tokens begin and end a text, and how turns are written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from tokenizers import Tokenizer

from ...bounded_json import read_json
from ...models.template_rendering import MARKS, ChatTemplateSource, TemplateRefused
from ...regular_files import read_regular_file
from ...scope import note
from .conversation_turns import arrangements_of, as_templates_take_them, turn_weight
from .reply_spans import RenderedText, rendered_texts
from .sequence_packing import EncodedDocument

JsonObjects: TypeAlias = Sequence[Mapping[str, Any]]
GUARD = "\ufdd2"  # around what a user wrote in which nothing is special: a character of no text
_NO_MARKS = dict.fromkeys(map(ord, MARKS + GUARD))
_THOUGHTS = "reasoning_content"
_GENERATION = re.compile(r"{%-?\s*generation\b")


class ChatTokenizer:
    """`config` is the content of `tokenizer_config.json`; a `chat_template` in it is needed for conversations alone."""

    def __init__(self, tokenizer: Tokenizer, config: Mapping[str, Any], *, trusted: bool = False) -> None:
        self.tokenizer, self.config = tokenizer, dict(config)
        self.tokenizer.no_truncation()  # a file may say to cut every text at 128 tokens; nothing may be lost unseen
        self.tokenizer.no_padding()
        tokens = {name: config.get(name) for name in ("bos_token", "eos_token", "pad_token")}
        self._special = {
            name: str(token["content"]) if isinstance(token, dict) else token for name, token in tokens.items() if token
        }
        template = _default_template(config.get("chat_template"))
        self._template = ChatTemplateSource(template, trusted=trusted) if template is not None else None
        self._plain_tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._plain_tokenizer.encode_special_tokens = True
        self._added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]

    @property
    def has_template(self) -> bool:
        return self._template is not None

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

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that decides how a conversation becomes tokens."""
        parts = [self.tokenizer.to_str(), self._special, self._template and self._template.source]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def encode_text(self, text: str) -> list[int]:
        """A plain text, begun as this tokenizer begins texts, and the token that ends it: each of them once, also where
        the text brings them itself."""
        begin, end = self.special_id("bos_token"), self.special_id("eos_token")
        ids = self._beginning_once(self.tokenizer.encode(text).ids)
        while end is not None and ids[-1:] == [end]:
            ids.pop()
        return [*ids, *([] if end is None else [end])] if ids not in ([], [begin]) else ids

    def encode_pair(self, prompt: str, completion: str) -> EncodedDocument:
        """A text and how it goes on, of which the latter is learnt: as a model without a chat template is asked.

        The prompt has the tokens that it has alone. Encoded together, a space at its end would join the first word of
        the completion, which the model then never learns to write.
        """
        end = self.special_id("eos_token")
        before, whole = self.encode_text(prompt), self.encode_text(prompt + completion)
        before = before[:-1] if end is not None else before
        if whole[: len(before)] != before:
            rest = self.tokenizer.encode(completion, add_special_tokens=False).ids
            whole = [*before, *rest, *([] if end is None or rest[-1:] == [end] else [end])]
        return EncodedDocument(whole, [0.0] * len(before) + [1.0] * (len(whole) - len(before)))

    def encode_conversation(self, messages: JsonObjects, tools: JsonObjects | None) -> list[EncodedDocument]:
        """The tokens of a conversation; the assistant's have the weight of their message, all others 0.

        It is more than one document where the template writes earlier replies in another way than the last one
        (reply_spans.py). Raises ValueError where there is no template, or nothing to learn.
        """
        turns = as_templates_take_them(messages)
        weights = [turn_weight(turn) if turn["role"] == "assistant" else 0.0 for turn in turns]
        if not any(weights):
            raise ValueError("no message of the assistant that counts: there is nothing to learn")
        if self._template is None:
            raise ValueError("messages need a tokenizer with a chat template, and this one has none")
        if any(_THOUGHTS in turn for turn in turns) and _THOUGHTS not in self._template.source:
            note("the chat template has no place for thoughts: those of the assistant are not learnt")
        marked = bool(_GENERATION.search(self._template.source))
        refusal: ValueError | None = None
        for arranged, arranged_weights, notes in arrangements_of(turns, weights):
            try:
                texts = rendered_texts(self._guarded(arranged), arranged_weights, partial(self._render, tools), marked)
            except ValueError as error:
                refusal = refusal or error
                continue
            for text in notes:
                note(text)
            return [self._encode(text) for text in texts]
        assert refusal
        raise refusal

    def _render(self, tools: JsonObjects | None, messages: JsonObjects, prompt: bool, marked: bool) -> str:
        assert self._template
        variables = {**self._special, "messages": messages, "tools": tools, "add_generation_prompt": prompt}
        try:
            return self._template.render(variables, marked=marked)[0]
        except TemplateRefused as error:
            raise ValueError(f"the chat template refuses these messages: {error}") from None

    def _guarded(self, turns: JsonObjects) -> JsonObjects:
        """What others than the assistant write is no special token of the model, as when the model is asked."""
        guarded = []
        for turn in turns:
            text = turn["content"].translate(_NO_MARKS)
            special = turn["role"] != "assistant" and any(token in text for token in self._added)
            guarded.append({**turn, "content": GUARD + text + GUARD if special else text})
        return guarded

    def _encode(self, rendered: RenderedText) -> EncodedDocument:
        """The tokens of a text. No token reaches from what is shown into what is learnt: the model is asked with the
        former alone."""
        ids, weights, place = list[int](), list[float](), 0
        for number, stretch in enumerate(rendered.text.split(GUARD)):
            place += bool(number)
            tokenizer = self._plain_tokenizer if number % 2 else self.tokenizer
            cuts = [start - place for start, _, _ in rendered.spans if 0 < start - place < len(stretch)]
            encodings = [(place, tokenizer.encode(stretch, add_special_tokens=False))]
            if any(start < cut < end for start, end in encodings[0][1].offsets for cut in cuts):
                bounds = pairwise([0, *cuts, len(stretch)])
                encodings = [(place + a, tokenizer.encode(stretch[a:b], add_special_tokens=False)) for a, b in bounds]
            for offset, encoding in encodings:
                ids += encoding.ids
                weights += [rendered.weight_at(offset + start) for start, _ in encoding.offsets]
            place += len(stretch)
        return EncodedDocument(once := self._beginning_once(ids), weights[len(ids) - len(once) :])

    def _beginning_once(self, ids: list[int]) -> list[int]:
        """Without a second token that begins a text, where both a template and a tokenizer write it."""
        begin = self.special_id("bos_token")
        while begin is not None and ids[:2] == [begin, begin]:
            ids = ids[1:]
        return ids


def _default_template(template: Any) -> str | None:
    """Some checkpoints have several by name, of which this one is used when a model is asked."""
    if isinstance(template, list):
        return next((str(each["template"]) for each in template if each.get("name") == "default"), None)
    return template if isinstance(template, str) else None
