"""Thoughts that stand in the text of a reply, between the marks that models write; they are no part of its answer."""

import re
from dataclasses import replace
from typing import Final

from ..contract import Reply

_TAGS = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "antthinking")
THOUGHT_MARKS: Final = (  # in lower case
    *((f"<{tag}>", f"</{tag}>") for tag in _TAGS),  # DeepSeek R1, Qwen3, MiniMax and most others
    ("[think]", "[/think]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command A
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<unused94>thought", "<unused95>"),  # MedGemma
)
LONE_ENDS: Final = tuple(end for _, end in THOUGHT_MARKS if "/" in end)  # where the template begins them
ANSWER_BEGINS: Final = (
    "<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>", "<|start_response|>",
    "<|begin_of_solution|>",
)  # fmt: skip
ANSWER_ENDS: Final = ("<|return|>", "<|end|>", "<|end_response|>", "<|end_of_solution|>")


def _one_of(marks: tuple[str, ...]) -> str:
    return "|".join(re.escape(mark).replace(">", r"(?:\s[^<>]{0,40})?>") for mark in marks)


_MARK = re.compile(  # a mark in quotation marks is spoken of: "`<think>` opens a thought"
    rf"(?<![`\"'“‘])(?P<begin>{_one_of(tuple(b for b, _ in THOUGHT_MARKS))})|(?P<lone>{_one_of(LONE_ENDS)})"
    rf"|(?P<end>{_one_of(tuple(end for _, end in THOUGHT_MARKS if end not in LONE_ENDS))})",
    re.I,
)
_QUOTES = ("`", '"', "'", "“", "‘")
_FRAME = re.compile(_one_of((*ANSWER_BEGINS, *ANSWER_ENDS)), re.I)


def without_thoughts(text: str) -> str | None:
    """The text without thoughts; None when a thought was cut off. What precedes a lone `</think>` is a thought."""
    pieces: list[str] = []
    position, inside, framed = 0, False, text.lstrip()[:60].lower().startswith(ANSWER_BEGINS)
    for mark in _MARK.finditer(text):
        if mark["begin"]:
            if not inside:
                pieces.append(text[position : mark.start()])
            inside = True
        elif inside or (mark["lone"] and text[max(0, mark.start() - 1) : mark.start()] not in _QUOTES):
            if not inside:
                pieces.clear()
            inside, framed = False, framed or bool(mark["end"])
        else:
            continue  # `<|end|>` where no thought began, or a mark that is spoken of
        position = mark.end()
    answer = "".join([*pieces, text[position:]])
    return None if inside else _FRAME.sub("", answer) if framed else answer


def answer_text(text: str) -> str | None:
    """The whole reply but its thoughts; None where nothing is left."""
    return (without_thoughts(text) or "").strip() or None


def without_thoughts_of(reply: Reply) -> Reply | None:
    """The reply with nothing but its answer in its text; None when it ends within a thought."""
    answer = without_thoughts(reply.text)
    if answer is None or answer == reply.text:
        return None if answer is None else reply
    return replace(reply, message=replace(reply.message, content=answer))
