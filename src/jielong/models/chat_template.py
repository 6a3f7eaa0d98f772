"""From messages to tokens: a chat template, rendered so that no text of a message can act as a special token.

A checkpoint without a template is a base model: the text of a single user message is continued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from ..contract import Image, Message, Request, ToolCall
from ..errors import DamagedFile, NoAnswer, Unsupported
from .constrained_decoding import Grammars, TokenConstraint

CALL = "<|call|>"
_MARK = "\x00{}\x00"


class ChatTemplate:
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
        self.call = self._tokens.token_to_id(CALL) if source and "tools" in source else None

    def prompt(self, request: Request) -> tuple[int, ...]:
        """The tokens of a request, up to where the reply begins. Raises Unsupported for what a template cannot hold."""
        if any(isinstance(part, Image) for message in request.messages for part in message.content):
            raise Unsupported("this model reads no images; use one that does")
        if self.call is None and self._uses_tools(request):
            raise Unsupported("this model has no tools; use one that has")
        if self._template is None:
            return self._continued(request)
        texts = [message.text for message in request.messages]
        if not any(token in words for words in [*texts, *self._words_about_tools(request)] for token in self._added):
            return tuple(self._tokens.encode(self._rendered(request, texts), add_special_tokens=False).ids)
        if any(token in words for words in self._words_about_tools(request) for token in self._added):
            raise Unsupported("a tool or a call of one holds a special token of this model; write it in another way")
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
        said = [_as_dict(message, text) for message, text in zip(request.messages, texts, strict=True)]
        tools = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in (request.tools if request.tool_choice != "none" else ())
        ]
        try:
            return self._template.render(
                messages=said, tools=tools or None, add_generation_prompt=True, **self._special
            )
        except TemplateError as error:
            raise Unsupported(f"the chat template refuses these messages: {error}") from None

    def _continued(self, request: Request) -> tuple[int, ...]:
        if len(request.messages) != 1 or request.messages[0].role != "user":
            raise Unsupported("this is a base model without a chat template: it continues one text; "
                              "send a single user message, or use a chat model")  # fmt: skip
        return tuple(self._plain.encode(request.messages[0].text).ids)

    def guide(self, request: Request, end: frozenset[int]) -> TokenConstraint | None:
        """What the reply may hold. Raises Unsupported for what cannot be kept to."""
        calls = request.tools and request.tool_choice != "none"
        if calls and self.call is None:
            raise Unsupported("this model has no tools; use one that has")
        if request.schema is None and self.call is None:
            return None
        return TokenConstraint(
            self._grammars(end),
            schema=None if calls and request.tool_choice != "auto" else request.schema,
            call=self.call,
            tools=request.tools,
            tool_choice=request.tool_choice,
        )

    def _grammars(self, end: frozenset[int]) -> Grammars:
        if self._prepared is None:
            self._prepared = Grammars(self._tokens, end)
        return self._prepared

    _prepared: Grammars | None = None

    def is_call(self, tokens: Sequence[int]) -> bool:
        return self.call is not None and len(tokens) > 0 and tokens[0] == self.call

    def message(self, prompt: Sequence[int], tokens: Sequence[int]) -> Message:
        """The reply that these tokens are. Raises NoAnswer for a call that cannot be read."""
        if not self.is_call(tokens):
            return Message("assistant", self.text_of(tokens))
        said = self.text_of(tokens[1:])
        try:
            read = json.loads(said)
            name, arguments = str(read["name"]), json.dumps(read["arguments"], ensure_ascii=False)
        except (ValueError, KeyError, TypeError):
            raise NoAnswer(f"the model began to call a tool and wrote what is no call: {said[:100]}") from None
        digest = hashlib.sha256(repr((list(prompt), list(tokens))).encode()).hexdigest()[:12]
        return Message("assistant", "", (ToolCall(f"call_{digest}", name, arguments),))

    @staticmethod
    def _uses_tools(request: Request) -> bool:
        offered = bool(request.tools) and request.tool_choice != "none"
        return offered or any(message.role == "tool" or message.tool_calls for message in request.messages)

    @staticmethod
    def _words_about_tools(request: Request) -> list[str]:
        about = [repr((tool.name, tool.description, tool.parameters)) for tool in request.tools]
        calls = [call for message in request.messages for call in message.tool_calls]
        # As the template shows them: JSON's escapes in the arguments are gone by then.
        read = [json.dumps(_mapping(call.arguments), ensure_ascii=False) for call in calls]
        return about + read + [call.name + call.arguments for call in calls]

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which nothing is special."""
        return tuple(self._plain.encode(text, add_special_tokens=False).ids)

    def encode_special(self, token: str) -> tuple[int, ...]:
        return tuple(self._tokens.encode(token, add_special_tokens=False).ids)

    def special_name(self, token: int) -> str:
        """How a special token is written; "" for all others."""
        name = self._tokens.id_to_token(token) or ""
        return name if name in self._added else ""

    def piece(self, token: int) -> str:
        """The token as its tokenizer writes it, spaces as spaces."""
        return (self._tokens.id_to_token(token) or "").replace("\u2581", " ").replace("\u0120", " ")

    def text_of(self, tokens: Sequence[int]) -> str:
        return str(self._tokens.decode(list(tokens), skip_special_tokens=True))


def _as_dict(message: Message, text: str) -> dict[str, Any]:
    """As chat templates expect it: the arguments of a call are a mapping."""
    said: dict[str, Any] = {"role": message.role, "content": text}
    if message.tool_calls:
        said["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _mapping(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        said["tool_call_id"] = message.tool_call_id
    return said


def _mapping(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


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
    environment.filters["tojson"] = _to_json
    return environment


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
