"""How to use a recipe: as a command, as Python, and as the plain messages that it sends."""

import inspect
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ... import __all__ as public
from ...contract import Model, Step
from ...improving.improve_result import ImproveResult, Question
from ...measuring.results import ItemResult
from ...recipe import RecipeStep, find_technique, parse, read_options
from ...runtime.ledger import Ledger
from ..html_page import fill_template
from ..wording import Words
from .transcripts import MAX_TEXT, scores_of, text_of


@dataclass(frozen=True)
class SentRequest:
    """A request as any chat API takes it, how often it was sent, and the first reply to it."""

    body: str  # JSON
    times: int
    reply: str


def recipe_use(result: ImproveResult, ledger: Ledger | None, words: Words) -> Markup:
    texts, recipe = words["use"], result.verdict.recipe
    pair = example(result)
    question = pair[0].text if pair and len(pair[0].text) <= MAX_TEXT else "…"
    requests = sent_requests(pair[1].steps, ledger) if pair and ledger else []
    messages = []
    for i, request in enumerate(requests, 1):
        numbered = texts["call"].format(i=i, k=len(requests)) if len(requests) > 1 else ""
        repeated = texts["times"].format(n=request.times) if request.times > 1 else ""
        reply = request.reply or words["transcripts"]["no_text"]
        messages.append({"body": request.body, "reply": reply, "above": " · ".join(filter(None, (numbered, repeated)))})
    values = {
        "recipe": recipe,
        "command": f"jielong ask {shlex.quote(question)} -m {shlex.quote(recipe)}",
        "python": as_python(recipe, question),
        "steps": explained(recipe),
        "example": pair is not None,
        "messages": messages,
        "words": texts,
    }
    return fill_template("improve/use.html", values)


def example(result: ImproveResult) -> tuple[Question, ItemResult] | None:
    """A short item that the recommended recipe got right, to show its messages with."""
    if result.chosen is None:
        return None
    questions = {question.id: question for question in result.questions}
    best = max(scores_of(result.chosen.answers))
    good = [(questions[a.id], a) for a in result.chosen.answers if a.score == best and a.error is None]
    return min(good, key=lambda pair: (len(pair[0].text), pair[0].id), default=None)


def sent_requests(steps: Sequence[Step], ledger: Ledger) -> list[SentRequest]:
    """The different requests beneath an answer in the order of their first sending, without seeds."""
    replies: dict[str, list[str]] = {}
    for key in _call_keys(steps):
        row = ledger.reply(key)
        if row and row.reply:
            replies.setdefault(_request_body(row.request), []).append(text_of(row.reply["message"]["content"]))
    return [SentRequest(body, len(texts), texts[0]) for body, texts in replies.items()]


def _call_keys(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if step.call:
            yield step.call
        yield from _call_keys(step.steps)


def _request_body(request: dict[str, Any]) -> str:
    """As the body of a chat completion: one message a line."""
    messages = [{"role": m["role"], "content": text_of(m["content"])} for m in request["messages"]]
    lines = [f"  {json.dumps(message, ensure_ascii=False)}" for message in messages]
    sampling = request.get("sampling", {})
    settings = {name: sampling[name] for name in ("temperature", "top_p", "max_tokens", "stop") if name in sampling}
    rest = "".join(f',\n "{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in settings.items())
    return '{"messages": [\n' + ",\n".join(lines) + "\n ]" + rest + "}"


def as_python(recipe: str, question: str) -> str:
    """A program that builds the model and asks it. Where an option has no short form in Python, `load` reads it all."""
    node = parse(recipe)
    steps = [_step_code(step) for step in node.steps]
    if all(steps):
        names = sorted({"load", *(step.name for step in node.steps)})
        base = _quoted(node.spec) if node.quoted else node.spec
        code = " | ".join([f"load({_quoted(base)})", *(step for step in steps if step)])
    else:
        names, code = ["load"], f"load({_quoted(recipe)})"
    return f"from jielong import {', '.join(names)}\n\nmodel = {code}\nprint(model.ask({_quoted(question)}))"


def _step_code(step: RecipeStep) -> str | None:
    if step.name not in public:
        return None
    options = [_option_code(name, value) for name, value in read_options(step).items()]
    if None in options:
        return None
    return f"{step.name}({', '.join(map(str, options))})" if options else step.name


def _option_code(name: str, value: Any) -> str | None:
    if isinstance(value, Model):
        return f"{name}=load({_quoted(value.name)})"
    return f"{name}={value!r}" if _is_literal(value) else None


def _is_literal(value: Any) -> bool:
    return all(map(_is_literal, value)) if isinstance(value, tuple) else isinstance(value, str | int | float | None)


def explained(recipe: str) -> list[tuple[str, str]]:
    """Each step with the first paragraph of its docstring."""
    names = dict.fromkeys(step.name for step in parse(recipe).steps)
    docstrings = ((name, inspect.getdoc(find_technique(name)) or "") for name in names)
    return [(name, " ".join(docstring.split("\n\n")[0].split())) for name, docstring in docstrings]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
