"""Preferences as data files hold them: a prompt, and two replies of which one was preferred, or neither.

    prompt, chosen, rejected               texts or messages (TRL); without `prompt`, what both begin with is it
    conversations, chosen, rejected        ShareGPT's turns, as LLaMA-Factory has them
    instruction, input, chosen, rejected   Alpaca's
    chosen, rejected                       dialogues with "Human:" and "Assistant:" in one text (hh-rlhf)
    prompt, response_a, response_b, winner or label     votes (Chatbot Arena); also of SafeRLHF, by two standards
    prompt, generations, ratings           several replies with a rating each (UltraFeedback): all pairs of them
    fields, responses                      records of Argilla, and its tables with `NAME.responses`

Beside them: `margin`, `preference` (the probability that `chosen` is better; .5 is a tie), a score of each reply (equal
scores are a tie), `standard` (by what was compared), `id`, `cluster` (what must not be divided between training and
evaluation), `tools`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import BadInput
from ...regular_files import MAX_DATA_BYTES, read_regular_file
from ...tasks.conversations import as_conversation, is_conversation, read_conversation, read_text
from ...tasks.data_files import read
from ...tasks.data_row import BadRow, WatchedRow
from ...tasks.named_columns import is_nothing
from .preference_forms import Row, TwoReplies, two_replies

NAMED_ROWS = 3  # of those that are set aside
Turns = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Preference:
    """`prompt`, `chosen` and `rejected` are messages; both replies end with one of the assistant.

    `preference` is the probability that `chosen` is better: .5 for a tie. `margin`: by how much its reward should be
    greater at least. `standard`: by what they were compared, empty where there is one standard alone.
    """

    prompt: Turns
    chosen: Turns
    rejected: Turns
    preference: float = 1.0
    margin: float = 0.0
    standard: str = ""
    cluster: str = ""
    tools: Any = None
    place: str = ""  # file and line


@dataclass(frozen=True)
class PreferenceFile:
    """`problems`: what is wrong with each row that was set aside, with its line. `digest`: SHA-256 of the file."""

    preferences: tuple[Preference, ...]
    problems: tuple[str, ...] = ()
    digest: str = ""
    notes: tuple[str, ...] = field(default=())


def read_preferences(file: Path, *, strict: bool = False) -> PreferenceFile:
    """All preferences of a file. Raises BadInput where there is none, or with `strict` where a row is set aside."""
    if not file.is_file():
        raise BadInput(f"{file}: no such file; expected a data file with preferences")
    notes, problems, preferences = list[str](), list[str](), list[Preference]()
    columns, used = dict[str, None](), set[str]()
    for row in read(file, notes.append):
        try:
            if isinstance(row, BadRow):
                raise ValueError(row.why)
            columns |= dict.fromkeys(row.fields)
            watched = WatchedRow(row.fields, used)
            preferences += [_preference(watched, pair, f"{file}:{row.line}") for pair in two_replies(watched)]
        except (TypeError, ValueError) as error:
            problems.append(f"{file}:{row.line}: {error}")
    if problems and (strict or not preferences):
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise BadInput(f"{problems[0]}{more}")
    if not preferences:
        raise BadInput(f"{file}: no preference in it; expected rows with prompt, chosen and rejected")
    if unused := [column for column in columns if column not in used]:
        notes.append(f"{file}: columns that are not used: {', '.join(unused)}")
    notes += told_problems(problems, len(problems) + len(preferences))
    digest = hashlib.sha256(read_regular_file(file, MAX_DATA_BYTES)).hexdigest()
    return PreferenceFile(tuple(preferences), tuple(problems), digest, tuple(notes))


def told_problems(problems: Sequence[str], rows: int) -> list[str]:
    """A note that counts the rows that were set aside and names the first of them; none where there is none."""
    if not problems:
        return []
    more = f" (and {len(problems) - NAMED_ROWS} more)" if len(problems) > NAMED_ROWS else ""
    return [f"{len(problems):,} of {rows:,} rows were set aside: {'; '.join(problems[:NAMED_ROWS])}{more}"]


def _preference(row: Row, pair: TwoReplies, place: str) -> Preference:
    prompt, chosen, rejected = _divided(pair)
    if _bare(chosen) == _bare(rejected):
        raise ValueError("both replies are the same: there is nothing to learn")
    for name, turns in (("chosen", chosen), ("rejected", rejected)):
        if not turns or turns[-1]["role"] != "assistant":
            last = turns[-1]["role"] if turns else "nothing"
            raise ValueError(f"{name} ends with {last}; expected a reply of the assistant")
        if not turns[-1]["content"].strip() and not turns[-1].get("tool_calls"):
            raise ValueError(f"the reply of {name} is empty")
    if not any(turn["role"] == "user" and turn["content"].strip() for turn in prompt):
        raise ValueError("there is no prompt: expected a column prompt, or replies that begin with the same messages")
    group = row.get("cluster")
    cluster = json.dumps(prompt, sort_keys=True, default=str) if is_nothing(group) else str(group)
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:16]
    return Preference(
        prompt, chosen, rejected, pair.preference, _margin(row), pair.standard, digest, row.get("tools"), place
    )


def _margin(row: Row) -> float:
    value = row.get("margin")
    if value is None or is_nothing(value):
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"margin is {str(value)[:40]!r}; expected a number") from None


def _divided(pair: TwoReplies) -> tuple[Turns, Turns, Turns]:
    """Prompt and replies as messages. What both replies begin with belongs to the prompt."""
    chosen, rejected = _turns(pair.chosen, "chosen"), _turns(pair.rejected, "rejected")
    prompt = () if pair.prompt is None else _turns(pair.prompt, "prompt", "user")
    if prompt and all(_bare(turns[: len(prompt)]) == _bare(prompt) for turns in (chosen, rejected)):
        chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]  # the replies repeat the prompt
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and _bare(chosen[shared : shared + 1]) == _bare(
        rejected[shared : shared + 1]
    ):
        shared += 1
    return (*prompt, *chosen[:shared]), chosen[shared:], rejected[shared:]


def _turns(cell: Any, column: str, role: str = "assistant") -> Turns:
    cell = as_conversation(cell)
    if isinstance(cell, Mapping):
        cell = [cell]
    if is_conversation(cell):
        return tuple(read_conversation(cell))
    if cell is None:
        raise ValueError(f"{column} is null; expected a text or messages")
    return ({"role": role, "content": read_text(cell, column)},)


def _bare(turns: Turns) -> list[tuple[Any, ...]]:
    return [(turn["role"], turn["content"], turn.get("tool_calls")) for turn in turns]


def grouped_folds(preferences: Sequence[Preference], folds: int) -> list[int]:
    """The fold of each preference, from 0; those of one cluster share it, so that no prompt is on both sides."""
    clusters = sorted(
        {each.cluster for each in preferences}, key=lambda cluster: hashlib.sha256(cluster.encode()).digest()
    )
    fold_of = {cluster: number % folds for number, cluster in enumerate(clusters)}
    return [fold_of[each.cluster] for each in preferences]


def without_shared_prompts(
    evaluation: Sequence[Preference], training: Sequence[Preference], note: Callable[[str], None]
) -> Sequence[Preference]:
    """Those of `evaluation` whose prompt no training row has. Raises BadInput where none is left."""
    known = {each.cluster for each in training}
    kept = [each for each in evaluation if each.cluster not in known]
    if not kept:
        raise BadInput("every prompt of the evaluation stands in the training data, too: it would be no test")
    if len(kept) < len(evaluation):
        note(f"{len(evaluation) - len(kept)} rows of the evaluation were left out: their prompts are trained on")
    return kept
