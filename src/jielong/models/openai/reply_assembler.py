"""A reply from the JSON of an endpoint: a whole one is a stream of one chunk, so both give the same."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ...bounded_json import read_json
from ...contract import Message, Part, Reply, Request, Text, Thinking, TokenLogprob, ToolCall, Usage
from ...runtime.ledger_json import MAX_COUNT
from . import dialects
from .calls_in_text import CallGate
from .thoughts_in_text import ThoughtSplitter

Json = dict[str, Any]
MAX_CALLS, LONGEST_NAME = 10_000, 1_000
LONGEST_NAME = 200  # of the model that answered, as the endpoint calls it
MAX_LOOKS = 200  # at the arguments of a call in progress


class Malformed(Exception):
    """The endpoint sent something that is not a reply of the protocol; `failed`: it may do better next time."""

    def __init__(self, message: str, failed: bool = False) -> None:
        super().__init__(message)
        self.failed = failed


@dataclass
class PartialCall:
    """A call as far as its pieces have come."""

    id: str = ""
    name: str = ""
    written: StringIO = field(default_factory=StringIO)  # the arguments
    signature: str | None = None
    looks: int = 0

    @property
    def arguments(self) -> str:
        return self.written.getvalue()

    @property
    def is_complete(self) -> bool:
        self.looks += 1
        try:
            # Each look reads all of it: who sends thousands of pieces that need one does not get them all.
            return self.looks <= MAX_LOOKS and isinstance(read_json(self.arguments), dict)
        except ValueError:
            return False


@dataclass
class _Thoughts:
    """Thoughts outside the text: of a field, or a list that goes back unchanged."""

    text: StringIO = field(default_factory=StringIO)
    form: str | None = None
    entries: list[list[Json]] = field(default_factory=list)  # the pieces of each


class ReplyAssembler:
    """`add` each chunk, then `finish`: both return what is heard of the answer and of the thoughts. Then `reply`.

    `hold` is `ThoughtSplitter`'s. All raise Malformed.
    """

    def __init__(self, request: Request, hold: int | None = None) -> None:
        self.request = request
        self.splitter = ThoughtSplitter(hold)
        self.gate = CallGate(request)
        self._offered = {tool.name for tool in request.tools}
        self._refusal = StringIO()
        self.usage: Any = None
        self.has_begun = False  # the endpoint has sent some of the reply
        self._thoughts = _Thoughts()
        self._split_thoughts = StringIO()
        self._slots: dict[int, PartialCall] = {}
        self._last_slot = 0
        self._calls: list[PartialCall] = []
        self._logprobs: list[TokenLogprob] | None = None
        self._answered_by = ""
        self._finish: Any = None

    @property
    def refusal(self) -> str:
        return self._refusal.getvalue()

    @property
    def has_ended(self) -> bool:
        """Whether the endpoint has said why the reply ended."""
        return self._finish is not None

    @property
    def opened_by_template(self) -> bool:
        """Whether the text began with thoughts that no mark in it had opened."""
        return self.splitter.lone or self.splitter.late_end

    def add(self, chunk: Any) -> tuple[str, str]:
        try:
            return self._add(chunk)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            words = f"{type(error).__name__} {str(error)[:100]}"
            raise Malformed(f"not a chat completion ({words}): {str(chunk)[:200]}") from None

    def _add(self, chunk: Any) -> tuple[str, str]:
        choices = chunk.get("choices")
        self._answered_by = self._answered_by or str(chunk.get("model") or "")[:LONGEST_NAME]
        self.usage = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or self.usage
        if not choices:
            return "", ""
        choice = choices[0]
        self.usage = choice.get("usage") or self.usage
        delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
        text, thoughts = self._read_content(delta.get("content"))
        if refusal := delta.get("refusal"):
            self._refusal.write(refusal)
        thoughts += self._read_thoughts(delta)
        begun: set[int] = set()
        for call in delta.get("tool_calls") or ():
            self._add_call(call, begun)
        if isinstance(delta.get("function_call"), dict):
            self._add_call({"index": 0, "function": delta["function_call"]}, begun)
        if (tokens := (choice.get("logprobs") or {}).get("content")) is not None:
            self._logprobs = self._logprobs or []
            self._logprobs += map(parse_logprob, tokens)
        self._finish = choice.get("finish_reason") or self._finish
        self.has_begun = self.has_begun or bool(text or thoughts or self._calls)
        return self._heard(self.splitter.add(text), thoughts)

    def _heard(self, split: tuple[str, str], thoughts: str = "") -> tuple[str, str]:
        """Thoughts in the text say again what a field has said already."""
        answer, in_text = split
        if in_text:
            self._split_thoughts.write(in_text)
        return self.gate.add(answer), thoughts + ("" if self._thoughts.text.tell() else in_text)

    def _read_content(self, content: Any) -> tuple[str, str]:
        """The text of content that may come in parts, and its thoughts."""
        if isinstance(content, str) or content is None:
            return content or "", ""
        text, thoughts = list[str](), list[str]()
        for part in content if isinstance(content, list) else [content or ""]:
            kind = "" if isinstance(part, str) else part.get("type") or ""
            if isinstance(part, str):
                text.append(part)
            elif kind in dialects.THOUGHT_PARTS:
                piece = _text_of(part)
                thoughts.append(piece)
                self._keep_entry("content", part, piece)
            elif kind == "refusal":
                self._refusal.write(part["refusal"])
            elif "text" in part:
                text.append(part["text"] if isinstance(part["text"], str) else part["text"]["value"])
            elif kind not in dialects.SILENT_PARTS:
                raise Malformed(f"a part of the reply is of the type {str(kind or part)[:100]!r}, which cannot be read")
        return "".join(text), "".join(thoughts)

    def _read_thoughts(self, delta: Json) -> str:
        """The thoughts in the fields of a message; several fields say the same."""
        said = {name: delta[name] for name in dialects.THOUGHT_FIELDS if isinstance(delta.get(name), str | dict)}
        name = next(iter(said), None)
        text = next((t if isinstance(t, str) else _text_of(t) for t in said.values() if t), "")
        entries = list[str]()
        for form in dialects.THOUGHT_LISTS:
            for entry in delta.get(form) or ():
                piece = _text_of(entry)
                entries.append(piece)
                self._keep_entry(form, entry, "" if text else piece)
        if name and not self._thoughts.form:
            self._thoughts.form = name
        if text:
            self._thoughts.text.write(text)
        return text or "".join(entries)

    def _keep_entry(self, form: str, entry: Json, piece: str) -> None:
        kept = self._thoughts
        kept.form = form
        kept.text.write(piece)
        names = entry.keys() & {"type", "index", "id"}
        if kept.entries and all(kept.entries[-1][0].get(name) == entry[name] for name in names):
            kept.entries[-1].append(entry)
        else:
            kept.entries.append([entry])

    def _add_call(self, call: Json, begun: set[int]) -> None:
        """A call, or a piece of one: some endpoints give all calls one index, or none, or no id."""
        function = call.get("function") or call
        name, arguments = function.get("name") or "", function.get("arguments")
        arguments = (
            arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False) if arguments else ""
        )
        index = call.get("index")
        slot = int(index) if index is not None and not isinstance(index, bool) else self._last_slot
        self._last_slot = max(self._last_slot, slot) if self._slots else slot
        call_id = str(call.get("id") or "")
        known = self._slots.get(slot)
        if known and name:
            another = call_id and known.id and call_id != known.id
            both_offered = name != known.name and {name, known.name} <= self._offered
            if another or slot in begun or (not call_id and (known.is_complete or both_offered)):
                known = None
        if known is None:
            if len(self._calls) >= MAX_CALLS:
                raise Malformed(f"the reply has over {MAX_CALLS:,} tool calls")
            known = self._slots[slot] = PartialCall()
            self._calls.append(known)
        begun.add(slot)
        known.id = known.id or call_id
        if name and name != known.name:
            known.name += name
            if len(known.name) > LONGEST_NAME:
                raise Malformed(f"the name of a tool has over {LONGEST_NAME:,} characters: {known.name[:80]!r}")
        once_more = len(arguments) == known.written.tell() and arguments == known.arguments
        if not (once_more and known.is_complete):  # some say all of it once more at the end
            known.written.write(arguments)
        signatures = {key: call[key] for key in dialects.CALL_SIGNATURES if call.get(key)}
        known.signature = json.dumps(signatures, ensure_ascii=False) if signatures else known.signature

    def break_off(self) -> str:
        """What was held back of a reply that is not coming, where it was not known to be thoughts."""
        return "" if self.splitter.hold is None else self.gate.add(self.splitter.finish()[0])

    def finish(self) -> tuple[str, str]:
        """What was held back until the reply had ended."""
        answer, thoughts = self._heard(self.splitter.finish())
        complete = self._ending() in ("stop", "tool_calls") and not self._calls
        return answer + self.gate.finish(look=complete), thoughts

    def _ending(self) -> dialects.FinishOrFailure:
        reason = self._finish.get("type") if isinstance(self._finish, dict) else self._finish
        ended = _known_ending(str(reason or ""))
        if ended is None:
            raise Malformed(f"the reply ends with finish_reason {reason!r}, which is not known")
        limit = self.request.sampling.max_tokens
        if not reason and limit and parse_usage(self.usage).output_tokens >= limit:
            return "length"
        return ended

    def reply(self) -> Reply:
        """After `finish`. Without usage the call stays unsettled: nobody knows what it cost."""
        ended = self._ending()
        if ended == "failed":
            raise Malformed(f"the reply broke off inside the endpoint (finish_reason {self._finish!r})", failed=True)
        text = self.gate.text
        calls = self._finished_calls()
        if self.refusal:
            ended, text = "refused", text or self.refusal
        elif ended == "length":
            calls = calls if calls and all(call.is_complete for call in self._calls) else ()
            ended = "tool_calls" if calls else "length"
        elif ended != "refused":
            ended = "tool_calls" if calls else "stop"
        thoughts = self._all_thoughts(bool(calls))
        content: str | tuple[Part, ...] = (thoughts, Text(text)) if thoughts else text
        message = Message("assistant", content, calls)
        logprobs = None if self._logprobs is None else tuple(self._logprobs)
        return Reply(message, ended, parse_usage(self.usage), logprobs=logprobs, answered_by=self._answered_by)

    def _all_thoughts(self, calls: bool) -> Thinking | None:
        kept = self._thoughts
        entries = [_merged(pieces) for pieces in kept.entries]
        signature = json.dumps(entries, ensure_ascii=False, sort_keys=True) if entries else None
        text, in_text = kept.text.getvalue(), self._split_thoughts.getvalue()
        if text or signature or (kept.form and calls and not in_text):
            return Thinking(text, signature, kept.form)
        return Thinking(in_text, None, self.splitter.form) if in_text else None

    def _finished_calls(self) -> tuple[ToolCall, ...]:
        """Each with an id of its own: some endpoints give none, or the same twice."""
        calls = self._calls or [PartialCall("", name, StringIO(arguments)) for name, arguments in self.gate.calls]
        taken = {call.id for message in self.request.messages for call in message.tool_calls}
        turn = len(self.request.messages)
        finished = []
        for n, call in enumerate(calls):
            call_id = call.id if call.id and call.id not in taken else f"call_{turn}_{n}"
            taken.add(call_id)
            finished.append(ToolCall(call_id, call.name, call.arguments.strip() or "{}", call.signature))
        return tuple(finished)


def _known_ending(reason: str) -> dialects.FinishOrFailure | None:
    letters = re.sub(r"[\W\d_]", "", reason.lower().removeprefix("finish_reason_"))
    return next((ended for ended, pattern in dialects.FINISHES if pattern.fullmatch(letters)), None)


def _text_of(entry: Json) -> str:
    """The words of a part or entry that holds thoughts."""
    value = next((entry[key] for key in ("thinking", "text", "reasoning", "summary", "content") if entry.get(key)), "")
    if isinstance(value, list):
        return "".join(piece if isinstance(piece, str) else _text_of(piece) for piece in value)
    return str(value)


def _merged(pieces: Sequence[Json]) -> Json:
    """The pieces of one entry of a list: texts and lists go on, all else is replaced."""
    merged: Json = {}
    for name in dict.fromkeys(name for piece in pieces for name in piece):
        values = [piece[name] for piece in pieces if piece.get(name) is not None]
        if all(isinstance(value, str) for value in values) and name in _GOES_ON:
            merged[name] = "".join(values) if values else None
        elif values and all(isinstance(value, list) for value in values):
            merged[name] = _joined_lists(values)
        else:
            merged[name] = values[-1] if values else None
    return merged


_GOES_ON = ("thinking", "text", "reasoning", "summary", "data")


def _joined_lists(lists: Sequence[list[Any]]) -> list[Any]:
    """One after the other; a text that the next list goes on with is one text."""
    joined: list[Any] = []
    texts: list[str] = []  # of the last part, as far as it has come
    for part_list in lists:
        for n, part in enumerate(part_list):
            is_text = isinstance(part, dict) and {"type", "text"} == part.keys() and isinstance(part["text"], str)
            if not (is_text and n == 0 and texts):
                if texts:
                    joined[-1] = {**joined[-1], "text": "".join(texts)}
                joined.append(part)
                texts = []
            if is_text:
                texts.append(part["text"])
    return [*joined[:-1], {**joined[-1], "text": "".join(texts)}] if texts else joined


def parse_logprob(token: Json) -> TokenLogprob:
    top = tuple((str(t["token"]), float(t["logprob"])) for t in token.get("top_logprobs") or ())
    return TokenLogprob(str(token["token"]), float(token["logprob"]), top)


def parse_usage(usage: Any) -> Usage:
    """Usage under any of its names; a call of which nothing can be told is unsettled."""
    if not isinstance(usage, dict):
        return Usage(unsettled_calls=1)
    input_tokens, output_tokens = _count(usage, dialects.INPUT_TOKENS), _count(usage, dialects.OUTPUT_TOKENS)
    total = _count(usage, ("total_tokens",))
    if total and output_tokens is None and input_tokens:
        output_tokens = max(0, total - input_tokens)
    if total and input_tokens is None and output_tokens is not None:
        input_tokens = max(0, total - output_tokens)
    if not input_tokens or output_tokens is None:
        return Usage(unsettled_calls=1)
    if "input_tokens" in usage and "prompt_tokens" not in usage:
        input_tokens += sum(_count(usage, (name,)) or 0 for name in dialects.UNCOUNTED_INPUT)
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        reasoning_tokens=_count(usage, dialects.REASONING_TOKENS) or 0,
        prompt_cached_tokens=_count(usage, dialects.CACHED_TOKENS) or 0,
    )


def _count(usage: Json, names: Sequence[str]) -> int | None:
    """The first of these counts that is one; a name with a dot lies one level down."""
    for name in names:
        value: Any = usage
        for key in name.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        try:
            number = -1 if value is None or isinstance(value, bool) else int(value)
        except (ValueError, TypeError, OverflowError):
            continue
        if 0 <= number < MAX_COUNT:
            return number
    return None
