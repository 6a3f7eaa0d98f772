"""The forms in which people keep preferences, brought to one: a prompt, two replies, how likely the first is better.

Nothing is guessed: what a row does not say clearly is refused, in words that name what was found and expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

from ...tasks.conversations import as_conversation, is_conversation
from ...tasks.named_columns import is_nothing

Row: TypeAlias = Mapping[str, Any]
EXPECTED = "prompt, chosen and rejected; or prompt, response_a, response_b and winner"
MOST_REPLIES = 16  # to one prompt: all pairs are learnt
_PROMPTS = ("prompt", "conversations", "messages", "instruction", "question")
_SCORES = (
    ("score_chosen", "score_rejected"), ("chosen_score", "rejected_score"), ("chosen_rating", "rejected_rating"),
    ("rating_chosen", "rating_rejected"), ("chosen-rating", "rejected-rating"), ("chosen_reward", "rejected_reward"),
)  # fmt: skip
_SIDES = (
    ("response_a", "response_b"),
    ("response_1", "response_2"),
    ("output_1", "output_2"),
    ("answer_a", "answer_b"),
)
_WINNERS = {
    **dict.fromkeys(("model_a", "response_a", "a", "1", "response_1", "output_1", "answer_a"), 1.0),
    **dict.fromkeys(("model_b", "response_b", "b", "2", "response_2", "output_2", "answer_b"), 0.0),
    **dict.fromkeys(("tie", "cannot_tell", "cannot tell", "draw", "equal", "same", "both_bad", "tie (bothbad)"), 0.5),
}
_LISTS = (("generations", "ratings"), ("generations", "rating"), ("responses", "ratings"), ("responses", "scores"),
          ("completions", "ratings"), ("completions", "scores"))  # fmt: skip
_SPEAKERS = {"human": "user", "user": "user", "assistant": "assistant", "ai": "assistant"}
_SPEAKER = re.compile(r"(?:\A\s*|\n\n)(Human|User|Assistant|AI): ?")


@dataclass(frozen=True)
class TwoReplies:
    """As the row holds them, with the more likely one as `chosen`."""

    prompt: Any
    chosen: Any
    rejected: Any
    preference: float = 1.0
    standard: str = ""


def two_replies(row: Row) -> list[TwoReplies]:
    """The pairs of a row. Raises ValueError for a row that is none."""
    for form in (_safe, _argilla_record, _argilla_table, _rated, _sides, _chosen_and_rejected):
        if (pairs := form(row)) is not None:
            return pairs
    if "label" in row and isinstance(row["label"], bool):
        raise ValueError(f"one reply with a label (KTO) is no pair; expected {EXPECTED}")
    raise ValueError(f"found {', '.join(list(row)[:8])}; expected {EXPECTED}")


def _ordered(prompt: Any, a: Any, b: Any, first_better: float, standard: str) -> TwoReplies:
    if first_better < 0.5:
        a, b, first_better = b, a, 1 - first_better
    return TwoReplies(prompt, a, b, first_better, standard)


def _standard(row: Row) -> str:
    value = row.get("standard")
    return "" if is_nothing(value) else str(value).strip()


def _prompt(row: Row, columns: Sequence[str] = _PROMPTS) -> Any:
    """The prompt's text or messages, with what stands in columns of its own; None where the row has none."""
    column = next((name for name in columns if not is_nothing(row.get(name))), None)
    if column is None:
        return None
    prompt = as_conversation(row[column])
    if column == "instruction" and not is_nothing(row.get("input")):
        prompt = f"{prompt}\n\n{row['input']}"
    system = next((row[name] for name in ("system", "system_prompt") if not is_nothing(row.get(name))), None)
    if system is None:
        return prompt
    turns = list(prompt) if is_conversation(prompt) else [{"role": "user", "content": prompt}]
    return [{"role": "system", "content": str(system)}, *turns]


def _chosen_and_rejected(row: Row) -> list[TwoReplies] | None:
    given = [name for name in ("chosen", "rejected") if name in row]
    if not given:
        return None
    for name in ("chosen", "rejected"):
        cell = row.get(name)
        if cell is None or cell == [] or (isinstance(cell, str) and not cell.strip()):  # "n/a" may be a reply
            raise ValueError(f"{name} is {'missing' if name not in row else 'null' if cell is None else 'empty'}")
    chosen, rejected, prompt = as_conversation(row["chosen"]), as_conversation(row["rejected"]), _prompt(row)
    if prompt is None and isinstance(chosen, str) and isinstance(rejected, str):
        prompt, chosen, rejected = _shared_beginning(chosen, rejected)
    preference = _preference(row)
    return [_ordered(prompt, chosen, rejected, preference, _standard(row))]


def _preference(row: Row) -> float:
    """The probability that `chosen` is better, as the row says or its scores do."""
    value, names = row.get("preference"), next((pair for pair in _SCORES if set(pair) <= set(row)), None)
    if not is_nothing(value):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | str)
            or not 0 <= _number(value, "preference") <= 1
        ):
            raise ValueError(f"preference is {str(value)[:40]!r}; expected a probability from 0 to 1")
        return float(value)
    if names is None or any(is_nothing(row[name]) for name in names):
        return 1.0
    better, worse = (_number(row[name], name) for name in names)
    if better < worse:
        raise ValueError(f"{names[0]} is {better:g} and {names[1]} is {worse:g}: the row contradicts itself")
    return 0.5 if better == worse else 1.0


def _number(value: Any, column: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{column} is {str(value)[:40]!r}; expected a number") from None


def _shared_beginning(chosen: str, rejected: str) -> tuple[Any, Any, Any]:
    """Two texts that begin with their prompt: dialogues, or plain ones, divided at the end of a word."""
    if _SPEAKER.match(chosen) and _SPEAKER.match(rejected):
        return None, _dialogue(chosen), _dialogue(rejected)
    length = next((i for i, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), None)
    shared = chosen[: min(len(chosen), len(rejected)) if length is None else length]
    if not shared.endswith((" ", "\n")):
        # Inside a word the shared part is cut back to where it begins; scripts without spaces are cut as they are.
        cut = max(shared.rfind(" "), shared.rfind("\n")) + 1
        shared = shared[:cut] if cut and shared[-1:].isascii() else shared
    if not shared.strip():
        raise ValueError("no prompt, and the replies begin with nothing in common; expected a column prompt")
    return shared, chosen[len(shared) :], rejected[len(shared) :]


def _dialogue(text: str) -> list[dict[str, str]]:
    _, *parts = _SPEAKER.split(text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [{"role": _SPEAKERS[name.lower()], "content": content.strip()} for name, content in pairs]


def _sides(row: Row) -> list[TwoReplies] | None:
    """Two replies side by side, and which of them won."""
    names = next((pair for pair in _SIDES if set(pair) <= set(row)), None)
    if names is None:
        return None
    column = next((name for name in ("winner", "label", "preference") if not is_nothing(row.get(name))), None)
    if column is None:
        raise ValueError(f"{' and '.join(names)} without winner or label: nobody says which is better")
    value = row[column]
    own = {str(row[name]).strip(): score for name, score in (("model_a", 1.0), ("model_b", 0.0)) if row.get(name)}
    word = str(value).strip()
    score = own.get(word, _WINNERS.get(word.casefold()))
    if score is None or isinstance(value, bool):
        raise ValueError(f"{column} is {word[:40]!r}; expected model_a, model_b or tie")
    return [_ordered(_prompt(row), row[names[0]], row[names[1]], score, _standard(row))]


def _safe(row: Row) -> list[TwoReplies] | None:
    """PKU-SafeRLHF: two standards for one pair."""
    if not {"response_0", "response_1", "better_response_id", "safer_response_id"} <= set(row):
        return None
    pairs = []
    for column, standard in (("better_response_id", "helpful"), ("safer_response_id", "safe")):
        if row[column] not in (0, 1):
            raise ValueError(f"{column} is {str(row[column])[:40]!r}; expected 0 or 1")
        pairs.append(_ordered(_prompt(row), row["response_0"], row["response_1"], 1.0 - row[column], standard))
    return pairs


def _rated(row: Row) -> list[TwoReplies] | None:
    """Several replies with a rating each. Equal ratings are ties."""
    names = next((pair for pair in _LISTS if set(pair) <= set(row)), None)
    if names is None or not isinstance(row[names[0]], list):
        return None
    replies, ratings = row[names[0]], row[names[1]]
    if not isinstance(ratings, list) or len(replies) != len(ratings):
        found = len(ratings) if isinstance(ratings, list) else str(ratings)[:20]
        raise ValueError(f"{len(replies)} {names[0]} and {found} {names[1]}; expected one for each")
    if not 2 <= len(replies) <= MOST_REPLIES:
        raise ValueError(f"{len(replies)} {names[0]}; expected 2 to {MOST_REPLIES}")
    rated = [
        (reply, _number(rating, names[1])) for reply, rating in zip(replies, ratings, strict=True) if rating is not None
    ]
    return [
        _ordered(_prompt(row), a, b, 0.5 + 0.5 * ((x > y) - (x < y)), _standard(row))
        for (a, x), (b, y) in combinations(rated, 2)
        if a != b
    ]


def _argilla_record(row: Row) -> list[TwoReplies] | None:
    """A record of Argilla: `fields`, and `responses` to its questions."""
    fields, responses = row.get("fields"), row.get("responses")
    if not isinstance(fields, Mapping):
        return None
    if not isinstance(responses, Mapping | list):
        raise ValueError("a record of Argilla without responses: nobody has compared its replies")
    if isinstance(responses, list):  # Argilla 1: a list of users, each with values by question
        users = [each["values"] for each in responses if isinstance(each, Mapping) and "values" in each]
        groups = [list(values.values()) for values in users if isinstance(values, Mapping)]
    else:
        groups = [values for values in responses.values() if isinstance(values, list)]
    answers = [each.get("value") if isinstance(each, Mapping) else each for values in groups for each in values]
    return _argilla(fields, answers)


def _argilla_table(row: Row) -> list[TwoReplies] | None:
    """A table that Argilla exported: its fields, and `NAME.responses`."""
    columns = [name for name in row if name.endswith(".responses")]
    if not columns or "chosen" in row:
        return None
    return _argilla(row, [answer for column in columns for answer in row[column] or ()])


def _argilla(fields: Mapping[str, Any], answers: Sequence[Any]) -> list[TwoReplies]:
    """Each answer names the better field, or ranks both; several people's become a probability."""
    replies = [name for name in fields if re.fullmatch(r"(?:response|completion|generation|reply)[-_ ]?[a-z0-9]", name)]
    if len(replies) != 2:
        raise ValueError(f"found the fields {', '.join(fields)[:80]}; expected prompt and two responses")
    scores = [score for answer in answers if (score := _argilla_answer(answer, replies)) is not None]
    if not scores:
        raise ValueError("no answer of a person says which response is better")
    first_better = sum(scores) / len(scores)
    prompt = next((fields[name] for name in ("prompt", "instruction", "input", "question") if name in fields), None)
    return [_ordered(prompt, fields[replies[0]], fields[replies[1]], first_better, "")]


def _argilla_answer(answer: Any, replies: Sequence[str]) -> float | None:
    if isinstance(answer, list):  # a ranking
        ranks = {each.get("value"): each.get("rank") for each in answer if isinstance(each, Mapping)}
        if not all(isinstance(ranks.get(name), int) for name in replies):
            return None
        first, second = (int(str(ranks[name])) for name in replies)
        return 0.5 + 0.5 * ((first < second) - (first > second))
    if answer in replies:
        return 1.0 if answer == replies[0] else 0.0
    return _WINNERS.get(str(answer).strip().casefold())
