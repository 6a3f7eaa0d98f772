"""An instruction in the user's own words: what prompt search writes, and what a person writes who knows the task."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..contract import Message, Request
from ..technique import adds_input
from .prompting import after, before, last_user_message, with_message

Place = Literal["system", "before", "after"]


@adds_input
def instruct(request: Request, *, text: str, place: Place = "system") -> Request:
    """Say what is to be done in the words of `text`, before the caller's system message, or beside the question.

    `before` and `after` put it around the question; a later turn, whose question was asked already, is left as it is.
    """
    if place == "system":
        first, *others = request.messages
        if first.role != "system":
            return replace(request, messages=(Message("system", text), *request.messages))
        return replace(request, messages=(before(first, f"{text}\n\n"), *others))
    index = last_user_message(request)
    if index is None:
        return request
    question = request.messages[index]
    message = before(question, f"{text}\n\n") if place == "before" else after(question, f"\n{text}")
    return with_message(request, index, message)
