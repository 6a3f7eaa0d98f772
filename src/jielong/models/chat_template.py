"""From messages to tokens: a chat template, rendered so that no text of a message can act as a special token.

A checkpoint without a template is a base model: the text of a single user message is continued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ..bounded_json import read_json, well_formed
from ..contract import Image, Message, Request, ToolCall, ToolSpec
from ..errors import DamagedFile, JielongError, NoAnswer, TooLong, Unsupported
from ..regular_files import read_regular_file
from ..scope import note
from .constrained_decoding import Grammars, TokenConstraint
from .folded_messages import arrangements, fold_system_messages
from .template_rendering import ChatTemplateSource, TemplateRefused

CALL = "<|call|>"
LONG_TEXT = 10_000  # characters that are not worth a thread
_PLACEHOLDER = "\x00{}\x00"
_OWN = Path(__file__).parent / "mini/weights"


class ChatTemplate:
    """The tokenizer and template of a checkpoint folder in Hugging Face layout."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            tokenizer = read_regular_file(folder / "tokenizer.json")
            self.tokenizer, self._plain_tokenizer = Tokenizer.from_buffer(tokenizer), Tokenizer.from_buffer(tokenizer)
            for each in (self.tokenizer, self._plain_tokenizer):
                each.no_truncation()  # a file may say to cut, and to fill up, every text at 128 tokens
                each.no_padding()
            config: dict[str, Any] = dict(read_json(read_regular_file(folder / "tokenizer_config.json")))
            names = ("bos_token", "eos_token", "pad_token", "unk_token")
            self._special = {name: _token_content(config.get(name)) for name in names}
            self._adds_first = config.get("add_bos_token") is True
            source = _template_source(folder, config)
        except BaseException as error:  # tokenizers raises bare Exception, and PanicException, which is none
            if isinstance(error, KeyboardInterrupt | SystemExit | JielongError):
                raise
            raise DamagedFile(f"{folder}: the tokenizer cannot be read ({str(error)[:100]}); fetch it again") from None
        self._plain_tokenizer.encode_special_tokens = True
        self._added = [token.content for token in self.tokenizer.get_added_tokens_decoder().values()]
        self.is_own = folder == _OWN
        try:
            self._template = ChatTemplateSource(source, trusted=self.is_own) if source else None
        except TemplateRefused as error:
            raise DamagedFile(f"{folder}: the chat template cannot be read ({error}); fetch it again") from None
        self._grammars: Grammars | None = None
        self._token_texts: dict[int, str] = {}
        self.call_token = self.tokenizer.token_to_id(CALL) if source and "tools" in source else None

    @cached_property
    def _characters_a_token(self) -> int:
        """The most that a token stands for; four times as many where the text is normalised before."""
        longest = max(map(len, self.tokenizer.get_vocab()), default=1)
        return longest if self.tokenizer.normalizer is None else 4 * longest

    def check_length(self, name: str, request: Request, context: int) -> bool:
        """Whether the request is long. Raises TooLong for one that cannot fit, before anything is made of its text,
        and Unsupported for pictures."""
        _refuse_images(request)
        length = sum(len(message.text) for message in request.messages)
        length += sum(len(tool.description) for tool in _callable_tools(request))
        if length < LONG_TEXT and len(request.messages) < LONG_TEXT // 100:
            return False
        tokens = max(length // self._characters_a_token, len(request.messages))
        if tokens > context:
            raise TooLong(f"{name} reads {context} tokens and the request has {tokens:,} at least; shorten it")
        return True

    def encode_request(self, request: Request) -> tuple[int, ...]:
        """The tokens of a request, up to where the reply begins. Raises Unsupported for what a template cannot hold."""
        _refuse_images(request)
        earlier_calls = any(message.role == "tool" or message.tool_calls for message in request.messages)
        if self.call_token is None and (earlier_calls or _callable_tools(request)):
            raise Unsupported("this model has no tools; use one that has")
        if self._template is None:
            return self.encode_plain(self.plain_text(request))
        request = self._accepted(request)
        texts = [message.text for message in request.messages]
        tool_texts = self._tool_texts(request)
        if not any(token in text for text in [*texts, *tool_texts] for token in self._added):
            return self._beginning_once(_token_ids(self.tokenizer, self._render(request, texts)))
        if any(token in text for text in tool_texts for token in self._added):
            raise Unsupported("a tool or a call of one holds a special token of this model; write it in another way")
        # A user wrote a special token: the template is rendered around placeholders, and what users wrote is encoded
        # by the tokenizer that knows no special tokens.
        rendered = self._render(request, [_PLACEHOLDER.format(i) for i in range(len(texts))])
        ids: list[int] = []
        for i, segment in enumerate(rendered.split("\x00")):
            if i % 2:
                ids += self.encode_text(request.messages[int(segment)].text)
            else:
                ids += self.encode_special(segment)
        return self._beginning_once(tuple(ids))

    def _beginning_once(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        """Without a second token that begins a text, where both a template and a tokenizer write it: it costs accuracy
        and nobody sees it."""
        while self.first_token is not None and ids[:2] == (self.first_token, self.first_token):
            ids = ids[1:]
        return ids

    @cached_property
    def first_token(self) -> int | None:
        """The token that begins a text; None where the tokenizer has no name for one."""
        name = self._special["bos_token"] or ""
        return None if not name else self.tokenizer.token_to_id(name)

    @property
    def separator(self) -> int | None:
        """What can stand before a text: the token that begins one, else the one that ends one."""
        ends = self._special["eos_token"]
        return self.first_token if self.first_token is not None else self.tokenizer.token_to_id(ends) if ends else None

    @cached_property
    def beginning_note(self) -> str:
        """Whether texts begin with a token of their own: where it is missing, or stands there twice, accuracy falls."""
        name, plain = self._special["bos_token"], self.encode_plain("x")
        try:
            ids = self.encode_request(Request((Message("user", "x"),)))
        except JielongError:
            return "the chat template shows no single question, so it is not known how texts begin"
        if self.first_token is not None and ids[:1] == (self.first_token,):
            return f"every text begins with {name}, once"
        if self.first_token is not None and plain[:1] == (self.first_token,):
            return f"no text begins with {name}: the chat template leaves it out, though the tokenizer writes it"
        return "no text begins with a special token: this tokenizer writes none"

    def _accepted(self, request: Request) -> Request:
        """The request with its messages as the template takes them; what had to be changed is noted."""
        refusal: Unsupported | None = None
        for messages, notes in arrangements(request.messages):
            arranged = replace(request, messages=messages)
            placeholders = [_PLACEHOLDER.format(i) for i in range(len(messages))]
            try:
                rendered = self._render(arranged, placeholders)
            except Unsupported as error:
                refusal = refusal or error
                continue
            asked = [i for i, message in enumerate(messages) if message.role in ("system", "user") and message.text]
            if all(placeholders[i] in rendered for i in asked):
                for text in notes:
                    note(text)
                return arranged
        raise refusal or Unsupported("the chat template leaves out what the user or the system says; use another model")

    def _render(self, request: Request, texts: Sequence[str]) -> str:
        assert self._template is not None
        messages = [_as_dict(message, text) for message, text in zip(request.messages, texts, strict=True)]
        tools = [
            {"type": "function", "function": {"name": t.name, "description": t.description, "parameters": t.parameters}}
            for t in _callable_tools(request)
        ]
        arguments = {"messages": messages, "tools": tools or None, "add_generation_prompt": True, **self._special}
        try:
            return self._template.render(arguments)[0]
        except TemplateRefused as error:
            raise Unsupported(f"the chat template refuses these messages: {error}") from None

    @property
    def is_base(self) -> bool:
        """Whether there is no template: the text of a single message is continued."""
        return self._template is None

    def plain_text(self, request: Request) -> str:
        """The text that a base model continues. Raises Unsupported for a conversation."""
        messages = fold_system_messages(request.messages)
        if len(messages) != 1 or messages[0].role != "user":
            raise Unsupported("this is a base model without a chat template: it continues one text; "
                              "send a single user message, or use a chat model")  # fmt: skip
        if messages != request.messages:
            note("this is a base model without a chat template: the system message was put before the text")
        return messages[0].text

    def encode_plain(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which nothing is special, with what the tokenizer puts around it."""
        ids = _token_ids(self._plain_tokenizer, text, special=True)
        if self._adds_first and self.first_token is not None and ids[:1] != (self.first_token,):
            ids = (self.first_token, *ids)
        return self._beginning_once(ids)

    async def constraint(self, request: Request, end: frozenset[int]) -> TokenConstraint | None:
        """The constraint on the reply, None where there is none. Raises Unsupported for what cannot be enforced."""
        if _callable_tools(request) and self.call_token is None:
            raise Unsupported("this model has no tools; use one that has")
        if request.schema is None and self.call_token is None:
            return None
        if self._grammars is None:
            self._grammars = Grammars(self.tokenizer, self._folder / "tokenizer.json", end)
        return await TokenConstraint.of(self._grammars, request, self.call_token)

    def is_tool_call(self, tokens: Sequence[int]) -> bool:
        """Whether a reply that begins with these tokens calls a tool."""
        return self.call_token is not None and len(tokens) > 0 and tokens[0] == self.call_token

    def parse_reply(self, prompt: Sequence[int], tokens: Sequence[int]) -> Message:
        """The reply that these tokens are. Raises NoAnswer for a call that cannot be read."""
        if not self.is_tool_call(tokens):
            return Message("assistant", self.decode(tokens))
        text = self.decode(tokens[1:])
        try:
            call = read_json(text)
            name, arguments = str(call["name"]), json.dumps(call["arguments"], ensure_ascii=False)
        except (ValueError, KeyError, TypeError):
            raise NoAnswer(f"the model began a tool call that is not valid JSON: {text[:100]}") from None
        digest = hashlib.sha256(repr((list(prompt), list(tokens))).encode()).hexdigest()[:12]
        return Message("assistant", "", (ToolCall(f"call_{digest}", name, arguments),))

    @staticmethod
    def _tool_texts(request: Request) -> list[str]:
        descriptions = [repr((tool.name, tool.description, tool.parameters)) for tool in request.tools]
        calls = [call for message in request.messages for call in message.tool_calls]
        # Once as the template shows them: JSON's escapes in the arguments are gone by then.
        unescaped = [json.dumps(call.parsed_arguments, ensure_ascii=False) for call in calls]
        return descriptions + unescaped + [call.name + call.arguments for call in calls]

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which nothing is special."""
        return _token_ids(self._plain_tokenizer, text)

    def encode_special(self, text: str) -> tuple[int, ...]:
        """The tokens of a text in which special tokens are recognised."""
        return _token_ids(self.tokenizer, text)

    def special_name(self, token: int) -> str:
        """How a special token is written; "" for all others."""
        name = self.tokenizer.id_to_token(token) or ""
        return name if name in self._added else ""

    def token_text(self, token: int) -> str:
        """The token as its tokenizer writes it, spaces as spaces."""
        return (self.tokenizer.id_to_token(token) or "").replace("\u2581", " ").replace("\u0120", " ")

    def decode_token(self, token: int) -> str:
        """The text of one token alone, "" of one that calls a tool; kept, as log-probabilities are full of them."""
        if token not in self._token_texts:
            self._token_texts[token] = "" if self.is_tool_call([token]) else self.decode([token])
        return self._token_texts[token]

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))


def _token_ids(tokenizer: Tokenizer, text: str, *, special: bool = False) -> tuple[int, ...]:
    """`special`: with the tokens that the tokenizer puts around a text. Only `encode_batch` releases the interpreter's
    lock, and only for a long text that matters."""
    text = well_formed(text)
    try:
        if len(text) < LONG_TEXT:
            return tuple(tokenizer.encode(text, add_special_tokens=special).ids)
        (encoding,) = tokenizer.encode_batch([text], add_special_tokens=special)
        return tuple(encoding.ids)
    except BaseException as error:
        # Where a pattern of a foreign tokenizer backtracks too far, tokenizers raises what is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise Unsupported(f"the tokenizer of this checkpoint fails at this text: {str(error)[:100]}") from None


def _as_dict(message: Message, text: str) -> dict[str, Any]:
    """As chat templates expect it: the arguments of a call are a mapping."""
    rendered: dict[str, Any] = {"role": message.role, "content": text}
    if message.tool_calls:
        rendered["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.parsed_arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        rendered["tool_call_id"] = message.tool_call_id
    return rendered


def _refuse_images(request: Request) -> None:
    for message in request.messages:
        if not isinstance(message.content, str) and any(isinstance(part, Image) for part in message.content):
            raise Unsupported("this model reads no images; use one that does")


def _callable_tools(request: Request) -> Sequence[ToolSpec]:
    return request.tools if request.tool_choice != "none" else ()


def _token_content(token: Any) -> str:
    return str(token["content"]) if isinstance(token, dict) else str(token or "")


def _template_source(folder: Path, config: dict[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.exists():
        return read_regular_file(file).decode()
    source = config.get("chat_template")
    if isinstance(source, list):
        return next((str(entry["template"]) for entry in source if entry.get("name") == "default"), None)
    return None if source is None else str(source)
