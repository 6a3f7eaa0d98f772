"""Next-token prediction: the cross-entropy of each token given those before it in its own document."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..objective import Batch, Figures


class NextToken:
    """Expects batches as `sequence_packing.pack_batch` makes them, all of shape (rows, length)."""

    def loss(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Figures]:
        """Mean cross-entropy in nats, each token by its weight in `loss_weights`."""
        mask = document_mask(batch["document_ids"])
        logits = network(
            input_ids=batch["input_ids"], position_ids=batch["position_ids"], attention_mask=mask, use_cache=False
        ).logits
        # In fp32 whatever the network computes in: bf16 cannot tell apart the probabilities of likely tokens.
        losses = F.cross_entropy(logits.flatten(0, 1).float(), batch["targets"].flatten(), reduction="none")
        weights = batch["loss_weights"].flatten()
        total = weights.sum()
        return (losses * weights).sum() / total.clamp(min=1e-6), {}

    def size(self, batch: Batch) -> float:
        return float(batch["loss_weights"].sum())


def document_mask(document_ids: Tensor) -> Tensor:
    """(rows, 1, length, length): 0 where a token may look, -1e30 elsewhere, in the dtype of the computation.

    Block-diagonal below the diagonal: documents share a row to save computation, and must not see each other. The mask
    is finite, as a row of minus infinity (the filling behind the last document) would become NaN in the softmax.
    """
    length, device = document_ids.shape[1], document_ids.device
    causal = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    visible = (document_ids[:, None, :, None] == document_ids[:, None, None, :]) & causal
    dtype = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
    return torch.zeros(visible.shape, dtype=dtype, device=device).masked_fill(~visible, -1e30)
