"""The one form of all instruction data: a conversation, and where it comes from. A training reads it as it is.

{"id": "5f0c1c2f9e1b", "messages": [{"role": "user", "content": "Name three rivers."}, {"role": "assistant",
 "content": "Danube, Rhine, Loire."}], "way": "people", "kind": "", "language": "en", "origin": {"annotator": "anna"}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...atomic_write import write_whole
from ...prompts import Language, language

Way: TypeAlias = Literal["templates", "people", "self_instruct", "evol_instruct"]


@dataclass(frozen=True)
class InstructionRow:
    """`kind` is a task type, where that is known; `origin` says which file and line, teacher or annotator."""

    instruction: str
    answer: str
    way: Way
    kind: str = ""
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return hashlib.sha256(json.dumps([self.instruction, self.answer]).encode()).hexdigest()[:12]

    @property
    def language(self) -> Language:
        return language(self.instruction)

    def to_json(self) -> dict[str, Any]:
        turns = {"role": "user", "content": self.instruction}, {"role": "assistant", "content": self.answer}
        named = {"id": self.id, "messages": list(turns), "way": self.way, "kind": self.kind}
        return {**named, "language": self.language, "origin": dict(self.origin)}


def write_instructions(file: Path, rows: Iterable[InstructionRow]) -> int:
    """JSON lines, each row once; how many."""
    lines = {row.id: json.dumps(row.to_json(), ensure_ascii=False) for row in rows}
    write_whole(file, "".join(f"{line}\n" for line in lines.values()))
    return len(lines)
