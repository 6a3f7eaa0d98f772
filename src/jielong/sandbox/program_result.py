"""What a program may use, and what came of it."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "error", "timeout", "memory", "output"]


@dataclass(frozen=True)
class SandboxLimits:
    """`seconds` is wall time from start to kill. Output beyond `output_bytes` (both streams) ends the program."""

    seconds: float = 5.0
    memory_mb: int = 512
    file_mb: int = 64
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class ProgramResult:
    """`value` is the repr of an expression; `sandbox` says where the code ran."""

    status: Status
    stdout: str
    stderr: str
    value: str | None
    seconds: float
    sandbox: Literal["bubblewrap", "landlock", "monty"]

    @property
    def last_error_line(self) -> str:
        return (self.stderr.strip().splitlines() or [""])[-1]
