"""Words added to the request: no further call is made."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, TypeAlias

from ..contract import Message, Request, Text
from ..errors import BadInput
from ..prompts import fill, prompt
from ..technique import adds_input

Words: TypeAlias = str | None  # a prompt of one's own; None for that of the catalogue
Place: TypeAlias = Literal["system", "before", "after"]
Wording = Literal["step_by_step", "logically", "splitting", "to_be_sure", "work_on_it", "break_down"]
Spell = Literal[
    "emotion", "reward", "penalty", "deep_breath", "analysis", "politeness", "doubt", "importance", "be_sure",
    "another_look", "challenges", "pride", "must", "unbiased", "arithmetic", "before_we_dive", "abrakadabra",
    "restaurant", "just_feel",
]  # fmt: skip


@adds_input
def cot(request: Request, *, wording: Wording = "step_by_step", spell: Words = None) -> Request:
    """Ask for the reasoning before the answer (chain of thought: Wei et al. 2022; zero-shot: Kojima et al. 2022).

    `wording` picks one of the sentences that were tried for this by Kojima et al., Zhou et al. 2023 (`to_be_sure`) and
    Yang et al. 2024 (`work_on_it`, `break_down`); `spell` is a sentence of one's own instead. Kojima et al. take the
    answer out with a second call; here the answer rule finds it in the same reply.
    """
    variant = "spell" if wording == "step_by_step" else wording
    return with_question(request, prompt(request, "cot", variant, spell))


@adds_input
def spell(request: Request, *, kind: Spell = "emotion") -> Request:
    """Add a phrase that is said to help: feelings, tips, threats, thanks (EmotionPrompt: Li et al. 2023).

    Where each comes from is told beside its words in prompts/en.toml; `abrakadabra`, `restaurant` and `just_feel` are
    Kojima et al.'s controls, which are not to help. Whether one helps this model on this task is for `improve` to find
    out; often it does not. Words of one's own go in with `instruct(text=…)`.
    """
    return with_question(request, prompt(request, "spell", kind))


@adds_input
def persona(request: Request, *, role: str) -> Request:
    """Tell the model who it is, e.g. role="a careful mathematics teacher"; goes before the caller's system message."""
    return with_system_words(request, fill(prompt(request, "persona", "role"), {"role": role}))


@adds_input
def instruct(request: Request, *, text: str, place: Place = "system") -> Request:
    """Say what is to be done in words of one's own, before the caller's system message, or beside the question.

    It is what prompt search writes, and a person who knows the task. `before` and `after` put it around the question;
    a later turn, whose question was asked already, is left as it is.
    """
    if place == "system":
        return with_system_words(request, text)
    index = last_user_message(request)
    if place == "after" or index is None:
        return with_question(request, text)
    return with_message(request, index, before(request.messages[index], f"{text}\n\n"))


@adds_input
def premise(request: Request, *, text: str) -> Request:
    """Put the circumstances of the question before it: what the model cannot know and needs."""
    index = last_user_message(request)
    return request if index is None else with_message(request, index, before(request.messages[index], f"{text}\n\n"))


@adds_input
def options(
    request: Request,
    *,
    temperature: float | None = None,
    top_p: float | None = None,
    max_tokens: int | None = None,
    stop: tuple[str, ...] | None = None,
    seed: int | None = None,
) -> Request:
    """Sampling settings for requests that leave them open; what the caller set stays."""
    settings = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "stop": stop, "seed": seed}
    unset = [name for name in settings if getattr(request.sampling, name) in (None, ())]
    return request.with_sampling(**{name: settings[name] for name in unset if settings[name] is not None})


def with_system_words(request: Request, words: str) -> Request:
    """The request with `words` in its system message, before those of the caller."""
    first, *others = request.messages
    if first.role != "system":
        return replace(request, messages=(Message("system", words), *request.messages))
    return replace(request, messages=(before(first, f"{words}\n\n"), *others))


def with_question(request: Request, words: str) -> Request:
    """The request with `words` on a new line after its question; unchanged when a tool's result came last."""
    index = last_user_message(request)
    return request if index is None else with_message(request, index, after(request.messages[index], f"\n{words}"))


def with_instruction(request: Request, words: str) -> Request:
    """As `with_question`; where a tool's result came last, the words are a turn of their own."""
    if last_user_message(request) is not None:
        return with_question(request, words)
    return replace(request, messages=(*request.messages, Message("user", words)))


def question(request: Request) -> str:
    """The text of the last message from the user, also on a turn that began before."""
    return next((message.text for message in reversed(request.messages) if message.role == "user"), "")


def last_user_message(request: Request) -> int | None:
    """The index of the question, if it is the last message; None on a later turn, whose question was asked before."""
    return len(request.messages) - 1 if request.messages[-1].role == "user" else None


def with_message(request: Request, index: int, message: Message) -> Request:
    return replace(request, messages=(*request.messages[:index], message, *request.messages[index + 1 :]))


def before(message: Message, words: str) -> Message:
    content = message.content
    return replace(message, content=words + content if isinstance(content, str) else (Text(words), *content))


def after(message: Message, words: str) -> Message:
    content = message.content
    return replace(message, content=content + words if isinstance(content, str) else (*content, Text(words)))


def require_at_least(least: Literal[0, 1], technique: str, counts: Mapping[str, int]) -> None:
    """Raises BadInput that names the first option which is less."""
    for option in [f"{name}={value}" for name, value in counts.items() if value < least]:
        raise BadInput(
            f"{technique}: {option}; expected at least 1" if least else f"{technique}: {option}; expected 0 or more"
        )
