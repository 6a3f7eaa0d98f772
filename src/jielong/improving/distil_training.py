"""The student's training in `distil`: rows to files, files to the stages of a finetuning, and the control beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..contract import Model
from ..errors import BadInput
from ..models.llama_weights import read_settings
from ..models.local import Local
from ..models.local.checkpoint_folder import Checkpoint
from ..recipe import load
from ..settings_error import settings_error
from ..training.chat_tokenizer import ChatTokenizer
from ..training.pretrain_and_finetune import finetune
from ..training.sequence_packing import pack_all
from ..training.train_config import TrainConfig
from ..training.training_output import CurvePoint
from .distil_data import Row, write_rows

BATCH_TOKENS, LEARNING_RATE, SHORTEST_ROW = 4096, 5e-4, 256


@dataclass(frozen=True)
class RowLengths:
    """What a training can hold: `length` tokens in a packed row, `longest` in a document."""

    chat: ChatTokenizer
    longest: int

    @classmethod
    def of(cls, student: Model) -> RowLengths:
        """Raises BadInput for a student without weights to train."""
        folder = checkpoint_of(student).folder
        positions = read_settings(folder / "config.json").get("max_position_embeddings")
        return cls(ChatTokenizer.from_folder(folder), int(positions or 4096))

    def tokens(self, row: Row) -> int:
        return len(self.chat.encode_conversation(row["messages"], None).ids)

    def fits(self, row: Row) -> bool:
        return self.tokens(row) <= self.longest

    def packed(self, parts: Sequence[Sequence[Row]]) -> tuple[int, list[int]]:
        """The length of the rows that all documents fit into, and how many rows each part takes."""
        sizes = [[self.tokens(row) for row in part] for part in parts]
        length = min(self.longest, max(SHORTEST_ROW, -(-max(map(max, sizes)) // 64) * 64))
        return length, [len(pack_all(part, length)) for part in sizes]


def checkpoint_of(student: Model) -> Checkpoint:
    """Raises BadInput for a model whose weights are not here."""
    if not isinstance(student.base, Local):
        raise BadInput(
            f"{student.name}: the student's weights are trained, so expected mini or local:…, not an endpoint"
        )
    return student.base.checkpoint


def training_settings(
    student: Model,
    lengths: RowLengths,
    parts: Sequence[Sequence[Row]],
    out: Path,
    epochs: float,
    overrides: Mapping[str, object],
    longest_rows: Sequence[Row] = (),
) -> TrainConfig:
    """A stage for each part, seen `epochs` times. `longest_rows` are those of another training that is to take the same
    steps. Raises BadInput for overrides that are not understood."""
    spec = checkpoint_of(student).spec
    length, rows = lengths.packed([*parts, longest_rows] if longest_rows else parts)
    files = [f"{out / 'data'}{'' if len(parts) == 1 else f'-{i}'}.jsonl" for i in range(len(parts))]
    stages = [
        {"source": file, "tokens": max(1, round(epochs * count * length)), "length": length}
        for file, count in zip(files, rows, strict=False)
    ]
    loop = {"batch_tokens": max(1, BATCH_TOKENS // length) * length, "learning_rate": LEARNING_RATE}
    settings: dict[str, Any] = {"out": out, "start": spec if spec == "mini" else f"local:{spec}", "loop": loop}
    settings["stages"] = stages
    for dotted_name, value in overrides.items():
        *sections, name = dotted_name.split(".")
        reduce(lambda table, section: table.setdefault(section, {}), sections, settings)[name] = value
    try:
        return TrainConfig.model_validate(settings)
    except ValidationError as error:
        raise settings_error(Path("--set"), TrainConfig, error) from None


def train_student(
    checkpoint: Checkpoint, config: TrainConfig, parts: Sequence[Sequence[Row]], on_point: Callable[[CurvePoint], None]
) -> Model:
    """Write the data and train on it; goes on where the same training was stopped. The trained model runs in the engine
    of the untrained one, so that the two differ in their weights alone."""
    for stage, part in zip(config.stages, parts, strict=True):
        write_rows(part, Path(stage.source))
    recipe = finetune(config, on_point).name
    if checkpoint.spec == "mini" and config.adapter is None:
        recipe += f"?engine={checkpoint.engine}"
    return load(recipe)
