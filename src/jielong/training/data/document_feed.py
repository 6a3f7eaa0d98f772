"""The feed of packed documents: stage after stage, every batch a function of the settings and its number alone."""

import hashlib
import json

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import BadInput
from ..objective import Batch
from ..train_config import TrainConfig
from .chat_tokenizer import ChatTokenizer
from .data_sources import DocumentSource, FileSource, open_document_source
from .sequence_packing import Arrays

TOKENS = "tokens"  # the folder of what was encoded
HELD_OUT_SEED = 1_000_003


class DocumentFeed:
    """A `Feed` for `NextToken`. The network has no say in what comes next. Raises BadInput for a bad source."""

    def __init__(self, config: TrainConfig, chat: ChatTokenizer) -> None:
        self._config, self._chat = config, chat
        self._sources: dict[tuple[str, int], DocumentSource] = {}
        self.steps = config.steps
        stages = [(source, stage.length) for stage in config.stages for source in stage.sources]
        sources = [self._source(*stage).digest for stage in stages]
        self.digest = hashlib.sha256(json.dumps(sources).encode()).hexdigest()

    def batch(self, step: int, network: nn.Module) -> dict[str, Tensor]:
        stage = self._config.stage_at(step)
        rows, seed = self._config.loop.batch_tokens // stage.length, self._config.loop.seed
        sources = [self._source(source, stage.length) for source in stage.sources]
        if len(sources) == 1:
            return _as_tensors(sources[0].batch(step, rows, seed))
        turns = [divmod(number, len(sources)) for number in range(step * rows, (step + 1) * rows)]
        arrays = [sources[source].batch(number, 1, seed) for number, source in turns]
        return _as_tensors({name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]})

    def tokens(self, batch: Batch) -> int:
        return batch["input_ids"].numel()

    def evaluation(self) -> dict[str, Tensor] | None:
        """The held-out batch, in which only tokens of full weight count: those of the assistant and of plain texts."""
        settings = self._config.evaluation
        if settings is None:
            return None
        source = self._source(settings.source, settings.length)
        self._check_held_out(source)
        arrays = source.batch(0, settings.rows, HELD_OUT_SEED)
        arrays["loss_weights"] = np.where(arrays["loss_weights"] < 1, 0, arrays["loss_weights"]).astype(np.float32)
        return _as_tensors(arrays)

    def _check_held_out(self, held_out: DocumentSource) -> None:
        """Raises BadInput where a held-out document is trained on: its loss would say nothing of others."""
        if not isinstance(held_out, FileSource):
            return
        stages = [self._source(source, stage.length) for stage in self._config.stages for source in stage.sources]
        trained = {tuple(each.ids) for source in stages if isinstance(source, FileSource) for each in source.documents}
        same = sum(tuple(document.ids) in trained for document in held_out.documents)
        if same:
            raise BadInput(
                f"evaluation.source: {same:,} of its {len(held_out.documents):,} documents are trained on; hold out "
                "others, or leave [evaluation] out"
            )

    def _source(self, spec: str, length: int) -> DocumentSource:
        if (spec, length) not in self._sources:
            self._sources[spec, length] = open_document_source(spec, self._chat, length, self._config.out / TOKENS)
        return self._sources[spec, length]


def _as_tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
