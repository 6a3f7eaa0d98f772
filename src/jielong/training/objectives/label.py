"""Sequence classification: the cross-entropy of the label of a whole text."""

from torch import Tensor, nn
from torch.nn import functional as F

from ..objective import Batch, Figures


class Label:
    """Expects `input_ids`, `attention_mask` (rows, length), padded on the right, and `labels` (rows,), all int64."""

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """Mean cross-entropy in nats, every text alike; `right` is the share of texts whose label is the likeliest."""
        logits = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.float()
        right = (logits.detach().argmax(-1) == batch["labels"]).float().mean()
        return F.cross_entropy(logits, batch["labels"]), {"right": right}

    def size(self, batch: Batch) -> float:
        return float(len(batch["labels"]))
