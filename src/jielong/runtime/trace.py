"""What happened beneath a reply, as a tree of lines; the texts come from the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..contract import Reply, Step, Usage
from .ledger import Ledger

SHOWN = 100


def trace_lines(reply: Reply, ledger: Ledger) -> Iterator[str]:
    """One line for each step: its name, what it spent and, for a provider call, the beginning of what came back."""
    yield f"total: {spent(reply.usage)}"
    yield from _steps(reply.steps, ledger, "")


def _steps(steps: tuple[Step, ...], ledger: Ledger, indent: str) -> Iterator[str]:
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        yield f"{indent}{'└─' if last else '├─'} {step.name}: {spent(step.usage)}{_words(step, ledger)}"
        yield from _steps(step.steps, ledger, indent + ("   " if last else "│  "))


def _words(step: Step, ledger: Ledger) -> str:
    row = step.call and (ledger.reply(step.call) or next(ledger.rows(key=step.call), None))
    if not row:
        return _shortened(step.text)
    message: dict[str, Any] = row.reply["message"] if row.reply else {"content": row.error or ""}
    calls = " ".join(f"{call['name']}({call['arguments']})" for call in message.get("tool_calls", ()))
    text = f"{_text(message)} {calls}"
    return _shortened(f"{_text(row.request['messages'][-1])} → {text}" if step.name.startswith("tool:") else text)


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _shortened(text: str) -> str:
    """On one line; of a call both the arguments and the result are shown, or begun."""
    parts = [" ".join(part.split()) for part in text.split(" → ", 1)]
    return "".join(["  ", " → ".join(p[:SHOWN] + "…" * (len(p) > SHOWN) for p in parts)]) if text.strip() else ""


def spent(usage: Usage) -> str:
    calls = f"{usage.calls} call{'s' if usage.calls != 1 else ''}"
    least = "≥ " if usage.unsettled_calls else ""
    untold = least and not usage.input_tokens
    tokens = "unknown tokens" if untold else f"{least}{usage.input_tokens} → {least}{usage.output_tokens} tokens"
    parts = [calls, tokens]
    rarer = {"retries": usage.retries, "cached": usage.cached_calls, "unsettled": usage.unsettled_calls}
    return ", ".join(parts + [f"{count} {name}" for name, count in rarer.items() if count])
