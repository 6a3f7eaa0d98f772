"""Conversations for chat templates that refuse roles: other arrangements of the same texts, in the same order.

Gemma's template knows no system messages, Mistral's want turns that alternate, others take a system message at the
beginning alone, or leave out without a word what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..contract import Message

Messages = tuple[Message, ...]
_SYSTEM = "the chat template refuses these system messages: they were put into the user's turns"
_TURNS = "the chat template refuses two turns of one role in a row: they were joined"


def arrangements(messages: Messages) -> Iterator[tuple[Messages, tuple[str, ...]]]:
    """The messages as they are, then changed more and more; with each, the notes that say what was changed."""
    yield messages, ()
    leading = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    kept = _joined(messages[:leading]) + fold_system_messages(messages[leading:])
    for folded in (kept, fold_system_messages(messages)):
        notes = (_SYSTEM,) if any(message.role == "system" for message in messages) else ()
        if folded != messages:
            yield folded, notes
        if (joined := _joined(folded)) != folded:
            yield joined, (*notes, _TURNS)


def fold_system_messages(messages: Sequence[Message]) -> Messages:
    """Each system message before the words of the user's next turn; where no turn follows, at the end."""
    folded: list[Message] = []
    waiting: list[Message] = []
    for message in messages:
        if message.role == "system":
            waiting.append(replace(message, role="user"))
        elif message.role == "user":
            folded += _joined([*waiting, message])
            waiting = []
        else:
            folded.append(message)
    if waiting and folded and folded[-1].role == "user":
        waiting.insert(0, folded.pop())
    return (*folded, *_joined(waiting))


def _joined(messages: Sequence[Message]) -> Messages:
    """Neighbours of one role as one; calls of tools and their results stay apart."""
    joined: list[Message] = []
    for message in messages:
        last = joined[-1] if joined else None
        if last and last.role == message.role != "tool" and not (last.tool_calls or message.tool_calls):
            joined[-1] = replace(last, content="\n\n".join(filter(None, (last.text, message.text))))
        else:
            joined.append(message)
    return tuple(joined)
