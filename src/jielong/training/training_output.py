"""What a training writes into its folder, apart from checkpoint and weights: the curve, and the result at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from ..atomic_write import private_opener, write_whole
from ..bounded_json import read_json
from ..regular_files import read_regular_file

CURVE, CHECKPOINT, RESULT = "curve.jsonl", "checkpoint.safetensors", "result.json"
WEIGHTS, ADAPTER = "weights", "adapter"  # the folder of what was trained


@dataclass(frozen=True)
class CurvePoint:
    """A point of the curves. `loss` is in nats a token for next-token training; `held_out` is None between
    evaluations; `figures` are those of the objective."""

    step: int
    tokens: int
    loss: float
    learning_rate: float
    tokens_per_second: float
    held_out: float | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainResult:
    """`weights` is a folder in Hugging Face layout, or an adapter in PEFT's; `sha256` that of all weights in fp32, the
    base's included; `loss` the last of the curve; `recipe` the model that was trained."""

    weights: Path
    sha256: str
    loss: float | None
    recipe: str

    def write(self, out: Path) -> None:
        write_whole(out / RESULT, json.dumps(asdict(self), default=str) + "\n")

    @classmethod
    def read(cls, out: Path) -> TrainResult:
        """The result of the training that ended in `out`."""
        return TypeAdapter(cls).validate_json(read_regular_file(out / RESULT))


class CurveWriter:
    """Appends points, a line each. Those after the checkpoint that a training resumes from are removed first."""

    def __init__(self, file: Path, first_step: int) -> None:
        points = [point for point in read_curve(file) if point.step <= first_step] if first_step else []
        write_whole(file, "".join(json.dumps(asdict(point)) + "\n" for point in points))
        self._file = file

    def add(self, point: CurvePoint) -> None:
        with open(self._file, "a", opener=private_opener) as stream:
            stream.write(json.dumps(asdict(point)) + "\n")


def read_curve(file: Path) -> list[CurvePoint]:
    """The points in `file`; a line that a kill cut short is left out."""
    points = []
    for line in read_regular_file(file).decode(errors="replace").splitlines() if file.exists() else ():
        try:
            points.append(CurvePoint(**read_json(line)))
        except (ValueError, TypeError):
            continue
    return points
