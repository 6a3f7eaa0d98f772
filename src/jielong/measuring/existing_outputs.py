"""`outputs:FILE`: what a model wrote elsewhere, as a model that answers the items of a task. No call is made.

The rows of the file belong to items by an `id`, else by the question, else by their order where there are as many rows
as items; a text file holds one output a line. Of a file with the outputs of several models (`jielong eval --out`,
AlpacaEval) `outputs:FILE@MODEL` takes those of one. An item without an output is lost, which is not a score of 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..call_context import current
from ..contract import Finish, Message, Model, Reply, Request
from ..errors import BadInput, NoAnswer, Unsupported
from ..recipe import quote
from ..regular_files import MAX_DATA_BYTES, read_regular_file
from ..tasks.data_files import read
from ..tasks.data_row import DataRow
from ..tasks.item import Item
from ..tasks.text_decoding import decode

OUTPUTS = (
    "output outputs response responses reply completion prediction predictions generation generated_text model_output "
    "resps hypothesis text answer 输出 回答 回复"
).split()
IDS = "id item_id question_id qid key uid doc_id".split()
QUESTIONS = "input prompt question instruction query source 输入 问题 指令".split()
MODELS = "model generator model_id 模型".split()
Fields = Mapping[str, Any]


def load(kind: str, rest: str) -> Model:
    """`outputs:FILE` or `outputs:FILE@MODEL`. Raises BadInput."""
    if not rest:
        raise BadInput("outputs: needs a file of outputs, as in outputs:replies.jsonl")
    file, at, model = rest.rpartition("@") if "@" in rest and not Path(rest).exists() else (rest, "", "")
    rows = _rows(Path(file))
    rows = [row for row in rows if str(_cell(row, MODELS)) == model] if at else rows
    names = {str(_cell(row, MODELS)) for row in rows}
    if len(names) > 1:
        known = ", ".join(sorted(names)[:5])
        raise BadInput(f"outputs:{rest}: outputs of {len(names)} models ({known}); choose one: outputs:{file}@MODEL")
    if not rows:
        raise BadInput(f"outputs:{rest}: no outputs in it" + (f" of the model {model}" if at else ""))
    if all(_cell(row, OUTPUTS) is None for row in rows):
        raise BadInput(f"outputs:{rest}: no column of outputs among {', '.join(rows[0])}; name it `output`")
    return ExistingOutputs(rest, tuple(rows))


@dataclass(frozen=True, repr=False)
class ExistingOutputs(Model):
    """`of_item` are the rows by item once a task is known (`for_items`)."""

    spec: str
    rows: tuple[Fields, ...]
    of_item: Mapping[str, Fields] | None = None

    @property
    def name(self) -> str:
        return quote(f"outputs:{self.spec}")

    def max_calls(self) -> int:
        return 0

    def for_items(self, items: Sequence[Item]) -> "ExistingOutputs":
        """Raises BadInput where no row belongs to an item, or two different ones to the same."""
        for names, key in ((IDS, lambda item: item.id), (QUESTIONS, _question)):
            by_key = self._by(names)
            if matched := {item.id: by_key[key(item)] for item in items if key(item) in by_key}:
                return replace(self, of_item=matched)
        if len(self.rows) != len(items):
            raise BadInput(
                f"outputs:{self.spec}: none of its {len(self.rows)} rows belongs to any of the {len(items)} items, by "
                "id or by question, and their numbers differ"
            )
        return replace(self, of_item={item.id: row for item, row in zip(items, self.rows, strict=True)})

    def _by(self, names: Sequence[str]) -> Mapping[str, Fields]:
        by_key: dict[str, Fields] = {}
        for row in self.rows:
            if (key := _cell(row, names)) is not None:
                earlier = by_key.setdefault(str(key).strip(), row)
                if _cell(earlier, OUTPUTS) != _cell(row, OUTPUTS):
                    raise BadInput(f"outputs:{self.spec}: two different outputs for {str(key)[:60]!r}")
        return by_key

    async def generate(self, request: Request) -> Reply:
        if self.of_item is None:
            raise Unsupported(f"{self.name} answers the items of a task: jielong eval TASK -m outputs:FILE")
        row = next((self.of_item[str(name)] for name in current().path if name in self.of_item), None)
        text = None if row is None else _text(_cell(row, OUTPUTS))
        error = str((row or {}).get("error") or "")
        if text is None or (error and not error.startswith("Truncated")):
            raise NoAnswer(f"{self.name} has no output for this item{f': {error}' if error else ''}", lost=True)
        finish: Finish = "length" if error or (row or {}).get("finish") == "length" else "stop"
        return Reply(Message("assistant", text), finish)


def _question(item: Item) -> str:
    return (item.input if isinstance(item.input, str) else item.input[-1].text).strip()


def _rows(file: Path) -> list[Fields]:
    if file.suffix.lower() == ".txt":
        try:
            text, _ = decode(file, read_regular_file(file, MAX_DATA_BYTES))
        except OSError as error:
            raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
        return [{"output": line} for line in text.splitlines()]
    rows = list(read(file))
    for row in rows:
        if not isinstance(row, DataRow):
            raise BadInput(f"{file}:{row.line}: {row.why}")
    return [row.fields for row in rows if isinstance(row, DataRow)]


def _cell(row: Fields, names: Sequence[str]) -> Any:
    lowered = {column.strip().lower(): cell for column, cell in row.items()}
    return next((lowered[name] for name in names if lowered.get(name) is not None), None)


def _text(cell: Any) -> str | None:
    """lm-evaluation-harness writes [["…"]]."""
    while isinstance(cell, list) and len(cell) == 1:
        cell = cell[0]
    return None if cell is None else cell if isinstance(cell, str) else str(cell)
