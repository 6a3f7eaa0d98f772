"""From messages to tokens: a chat template, rendered so that no text of a message can act as a special token.

A checkpoint without a template is a base model: the text of a single user message is continued.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from ..contract import Image, Request
from ..errors import DamagedFile, Unsupported

_MARK = "\x00{}\x00"


class Chat:
    """The tokenizer and template of a checkpoint folder in Hugging Face layout."""

    def __init__(self, folder: Path) -> None:
        try:
            self._tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
            about = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        except Exception as error:  # tokenizers raises bare Exception
            raise DamagedFile(f"{folder}: the tokenizer cannot be read ({str(error)[:100]}); fetch it again") from None
        self._plain.encode_special_tokens = True
        self._added = [token.content for token in self._tokens.get_added_tokens_decoder().values()]
        self._special = {name: _text(about.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
        source = _template(folder, about)
        self._template = environment().from_string(source) if source else None

    def prompt(self, request: Request) -> tuple[int, ...]:
        """The tokens of a request, up to where the reply begins. Raises Unsupported for what a template cannot hold."""
        if any(isinstance(part, Image) for message in request.messages for part in message.content):
            raise Unsupported("this model reads no images; use one that does")
        if any(message.role == "tool" or message.tool_calls for message in request.messages):
            raise Unsupported("this model has no tools; use one that has")
        if self._template is None:
            return self._continued(request)
        texts = [message.text for message in request.messages]
        if not any(token in text for text in texts for token in self._added):
            return tuple(self._tokens.encode(self._rendered(request, texts), add_special_tokens=False).ids)
        rendered = self._rendered(request, [_MARK.format(i) for i in range(len(texts))])
        ids: list[int] = []
        for i, piece in enumerate(rendered.split("\x00")):
            if i % 2:
                ids += self._plain.encode(request.messages[int(piece)].text, add_special_tokens=False).ids
            else:
                ids += self._tokens.encode(piece, add_special_tokens=False).ids
        return tuple(ids)

    def _rendered(self, request: Request, texts: Sequence[str]) -> str:
        assert self._template is not None
        said = [{"role": m.role, "content": text} for m, text in zip(request.messages, texts, strict=True)]
        try:
            return self._template.render(messages=said, add_generation_prompt=True, **self._special)
        except TemplateError as error:
            raise Unsupported(f"the chat template refuses these messages: {error}") from None

    def _continued(self, request: Request) -> tuple[int, ...]:
        if len(request.messages) != 1 or request.messages[0].role != "user":
            raise Unsupported("this is a base model without a chat template: it continues one text; "
                              "send a single user message, or use a chat model")  # fmt: skip
        return tuple(self._plain.encode(request.messages[0].text).ids)

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which nothing is special."""
        return tuple(self._plain.encode(text, add_special_tokens=False).ids)

    def encode_special(self, token: str) -> tuple[int, ...]:
        return tuple(self._tokens.encode(token, add_special_tokens=False).ids)

    def text_of(self, tokens: Sequence[int]) -> str:
        return str(self._tokens.decode(list(tokens), skip_special_tokens=True))


def _text(token: Any) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token or "")


def _template(folder: Path, about: dict[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.exists():
        return file.read_text("utf-8")
    said = about.get("chat_template")
    if isinstance(said, list):
        return next((str(each["template"]) for each in said if each.get("name") == "default"), None)
    return said


def environment() -> ImmutableSandboxedEnvironment:
    def refuse(message: str) -> NoReturn:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    return environment
