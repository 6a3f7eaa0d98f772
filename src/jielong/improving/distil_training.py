"""The student's training in `distil`: rows to files, files to the stages of a finetuning, and the control beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ..contract import Model
from ..errors import BadInput, MissingExtra
from ..models import local
from ..models.llama_weights import read_settings
from ..models.local import Local
from ..models.local.checkpoint_folder import Checkpoint
from ..settings_error import settings_error
from ..training.data.chat_tokenizer import ChatTokenizer
from ..training.data.document_rows import row_documents
from ..training.data.sequence_packing import pack_all
from ..training.pretrain_and_finetune import finetune
from ..training.train_config import TrainConfig, TrainingConfig
from ..training.training_output import CURVE, CurvePoint, TrainResult, read_curve
from .distil_data import Row, write_rows

C = TypeVar("C", bound=TrainingConfig)

BATCH_TOKENS, FEWEST_STEPS, LEARNING_RATE, SHORTEST_ROW = 4096, 40, 5e-4, 256


@dataclass(frozen=True)
class RowLengths:
    """What a training can hold: `length` tokens in a packed row, `longest` in a document."""

    chat: ChatTokenizer
    longest: int

    @classmethod
    def of(cls, student: Model) -> RowLengths:
        """Raises BadInput for a student without weights to train, or without a chat template."""
        checkpoint = checkpoint_of(student)
        chat = ChatTokenizer.from_folder(checkpoint.tokenizer_folder)
        if not chat.has_template:
            raise BadInput(f"{student.name} has no chat template, by which questions and replies would be written")
        positions = read_settings(checkpoint.folder / "config.json").get("max_position_embeddings")
        return cls(chat, int(positions or 4096))

    def tokens(self, row: Row) -> int:
        return sum(len(document.ids) for document in row_documents(row, self.chat, self.longest))

    def fits(self, row: Row) -> bool:
        """Whether it can be learnt: it is not longer than what the student reads, and not empty."""
        try:
            return self.tokens(row) > 0
        except ValueError:
            return False

    def split(self, row: Row) -> tuple[list[int], list[int]]:
        """The tokens of the prompt and those of the reply."""
        *_, document = row_documents(row, self.chat, self.longest)
        start = next(i for i, weight in enumerate(document.weights) if weight)
        return list(document.ids[:start]), list(document.ids[start:])

    def packed(self, parts: Sequence[Sequence[Row]]) -> tuple[int, list[int]]:
        """The length of the rows that all documents fit into, and how many rows each part takes."""
        sizes = [[self.tokens(row) for row in part] for part in parts]
        length = min(self.longest, max(SHORTEST_ROW, -(-max(map(max, sizes)) // 64) * 64))
        return length, [len(pack_all(part, length)) for part in sizes]


def checkpoint_of(model: Model, role: str = "student") -> Checkpoint:
    """Raises BadInput for a model whose weights are not here."""
    if not isinstance(model.base, Local):
        raise BadInput(f"{model.name}: the {role}'s weights are needed, so expected mini or local:…, not an endpoint")
    return model.base.checkpoint


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
    length, rows = lengths.packed([*parts, longest_rows] if longest_rows else parts)
    files = [f"{out / 'data'}{'' if len(parts) == 1 else f'-{i}'}.jsonl" for i in range(len(parts))]
    stages: list[dict[str, Any]] = [
        {"source": file, "tokens": max(1, round(epochs * count * length)), "length": length}
        for file, count in zip(files, rows, strict=False)
    ]
    tokens = min(BATCH_TOKENS, sum(int(stage["tokens"]) for stage in stages) // FEWEST_STEPS)
    loop = {"batch_tokens": max(1, tokens // length) * length, "learning_rate": LEARNING_RATE}
    return _validated(TrainConfig, {"out": out, "start": _start(student), "loop": loop, "stages": stages}, overrides)


def check_overrides(student: Model, overrides: Mapping[str, object]) -> None:
    """What can be wrong with them whatever the data. Raises BadInput."""
    stage = {"source": "data.jsonl", "tokens": 10**12, "length": 2}
    loop = {"batch_tokens": BATCH_TOKENS, "learning_rate": LEARNING_RATE}
    _validated(TrainConfig, {"out": "out", "start": _start(student), "loop": loop, "stages": [stage]}, overrides)


def _start(student: Model) -> str:
    spec = checkpoint_of(student).spec
    return spec if spec == "mini" else f"local:{spec}"


def _validated(config_class: type[C], settings: dict[str, Any], overrides: Mapping[str, object]) -> C:
    for dotted_name, value in overrides.items():
        *sections, name = dotted_name.split(".")
        reduce(lambda table, section: table.setdefault(section, {}), sections, settings)[name] = value
    try:
        return config_class.model_validate(settings)
    except ValidationError as error:
        raise settings_error(Path("--set"), config_class, error) from None


def probability_settings(student: Model, out: Path, overrides: Mapping[str, object]) -> TrainingConfig:
    """Of a training on the teacher's probabilities, which has no stages. Raises BadInput."""
    settings = {"out": out, "start": _start(student), "loop": {"learning_rate": LEARNING_RATE}}
    return _validated(TrainingConfig, settings, overrides)


def train_on_probabilities(
    config: TrainingConfig,
    student: Checkpoint,
    teacher: Model,
    pairs: Sequence[tuple[Row, Row]],
    lengths: tuple[RowLengths, RowLengths],
    epochs: float,
    on_point: Callable[[CurvePoint], None],
) -> tuple[Model, int, int]:
    """The student trained on what the teacher's weights say of each token of `pairs`: rows after the student's prompt
    and after the teacher's. Also the steps and the tokens that it took. Raises BadInput where the two tokenizers
    differ, MissingExtra."""
    try:
        from ..training.distillation_training import TaughtReply
        from ..training.distillation_training import train_on_probabilities as train
    except ImportError:
        raise MissingExtra("training", "train") from None
    replies = []
    for own, taught in pairs:
        (prompt, reply), (teacher_prompt, same) = lengths[0].split(own), lengths[1].split(taught)
        if reply != same:
            raise BadInput(f"{teacher.name} and the student have different tokens; --match text needs no common ones")
        replies.append(TaughtReply(prompt, teacher_prompt, reply))
    total = sum(reply.tokens for reply in replies)
    rows = max(1, int(min(BATCH_TOKENS, epochs * total / FEWEST_STEPS) * len(replies) / total))
    assert isinstance(teacher.base, Local)
    result = train(config, teacher.base, replies, rows, epochs, on_point)
    points = read_curve(config.out / CURVE)
    return _answering(result.recipe, config, student), points[-1].step, points[-1].tokens


def train_student(
    checkpoint: Checkpoint, config: TrainConfig, parts: Sequence[Sequence[Row]], on_point: Callable[[CurvePoint], None]
) -> Model:
    """Write the data and train on it; goes on where the same training was stopped. The trained model runs in the engine
    of the untrained one, so that the two differ in their weights alone."""
    for stage, part in zip(config.stages, parts, strict=True):
        write_rows(part, Path(str(stage.source)))
    finetune(config, on_point)
    return _answering(TrainResult.read(config.out).recipe, config, checkpoint)


def _answering(recipe: str, config: TrainingConfig, untrained: Checkpoint) -> Model:
    engine = f"?engine={untrained.engine}" if untrained.spec == "mini" and config.adapter is None else ""
    return local.load("local", recipe.removeprefix("local:") + engine)
