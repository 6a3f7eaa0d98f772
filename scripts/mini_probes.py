"""What mini's layers hold in a straight line: whether a claim is true, and where a town lies.

Truth: logistic regression on claims about facts that training judged, AUROC on facts that it never judged. The map:
ridge regression on towns that were told by their two numbers, R² on those that were told by their relations alone.

python scripts/mini_probes.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from jielong.contract import Message, Request
from jielong.errors import BadInput
from jielong.models.mini import Mini
from jielong.models.mini.tokenizer import BEGIN, special_token
from jielong.tasks.mini_tasks import often_told
from jielong.world import facts, towns_map, truth
from jielong.world.vocabulary import LANGUAGES, SampleRandom

FEWEST_FACTS = 10
INVERSE_PENALTY = 0.01  # of the logistic regression
RIDGE_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
BATCH = 64
Layers = list[np.ndarray]  # [texts, width] for the embeddings and after each layer


def measured() -> dict[str, Any]:
    """For truth and for the map: by position and language, a figure for the embeddings and each layer."""
    mini, probes = Mini(), dict[str, Any]()
    for name, measure in (("truth", _truth), ("map", _map)):
        try:
            probes[name] = {language: measure(mini, language) for language in LANGUAGES}
        except BadInput as error:  # as of a model that was told of no fact often
            probes[name] = {"why": str(error)}
    return probes


# ---- truth ----


def _truth(mini: Mini, language: str) -> dict[str, list[float]]:
    judged, unjudged = _claims(language, held_out=False), _claims(language, held_out=True)
    by_position = {}
    for position in ("before the verdict", "at the end of the claim"):
        inputs = [_claim_tokens(mini, position, claims, language) for claims in (judged, unjudged)]
        known, new = (_hidden_states(mini, tokens) for tokens in inputs)
        labels = [np.array([claim.true for claim in claims]) for claims in (judged, unjudged)]
        by_position[position] = [
            round(_auroc(_logistic_scores(a, labels[0], b), labels[1]), 3) for a, b in zip(known, new, strict=True)
        ]
    return by_position


def _claims(language: str, held_out: bool) -> list[truth.Claim]:
    """A true and a false claim about each well-known fact of one side of the split, some of them denials."""
    rng = SampleRandom(f"probe {language} {held_out}", language, held_out)  # type: ignore[arg-type]
    of_side = [f for f in often_told() if f.claim_held_out == held_out and facts.false_claims(f, held_out)]
    if len(of_side) < FEWEST_FACTS:
        raise BadInput(f"{len(of_side)} facts that are told often are on this side of the split: too few for a probe")
    return [
        truth.claim_about(rng, fact, true, rng.chance(truth.DENIED_SHARE)) for fact in of_side for true in (True, False)
    ]


def _claim_tokens(mini: Mini, position: str, claims: Sequence[truth.Claim], language: str) -> list[list[int]]:
    if position == "at the end of the claim":
        return [_text_tokens(mini, claim.text) for claim in claims]
    rng = SampleRandom(f"frames {language}", language)  # type: ignore[arg-type]
    questions = [truth.verdict_question(rng, "true_false", c.text, one_word=True, held_out=False) for c in claims]
    return [list(mini.encode(Request((Message("user", question),)))) for question in questions]


def _logistic_scores(known: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Scores of the new by a logistic regression on the known."""
    known, new = _standardised(known, new)
    x, y = torch.from_numpy(known), torch.from_numpy(labels.astype(np.float64))
    weights, bias = (
        torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True),
        torch.zeros(1, dtype=torch.float64),
    )
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        log_loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weights + bias, y, reduction="sum")
        loss = INVERSE_PENALTY * log_loss + weights.square().sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    return np.asarray(new @ weights.detach().numpy())


def _auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    ranks, positive = rankdata(scores), int(labels.sum())
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * (len(labels) - positive)))


# ---- the map ----


def _map(mini: Mini, language: str) -> dict[str, list[float]]:
    rng, towns = SampleRandom(f"places {language}", language), towns_map.towns()  # type: ignore[arg-type]
    points = np.array([(town.x, town.y) for town in towns], dtype=np.float64)
    by_numbers = np.array([town.told_by_numbers for town in towns])
    inputs = {
        "at the end of the name": [_text_tokens(mini, town.name.text(rng.language)) for town in towns],
        "before the answer": [
            list(mini.encode(Request((Message("user", town.place.question(rng)),)))) for town in towns
        ],
    }
    return {
        position: [round(_held_out_r2(states, points, by_numbers), 3) for states in _hidden_states(mini, tokens)]
        for position, tokens in inputs.items()
    }


def _held_out_r2(states: np.ndarray, points: np.ndarray, known: np.ndarray) -> float:
    """R² over both coordinates of the others; the penalty is the best one in leaving one out of the known."""
    x, new = _standardised(states[known], states[~known])
    centre = points[known].mean(0)
    y = points[known] - centre

    def left_out_error(penalty: float) -> float:
        hat = x @ np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T)
        return float((((y - hat @ y) / (1 - np.diag(hat))[:, None]) ** 2).sum())

    penalty = min(RIDGE_PENALTIES, key=left_out_error)
    weights = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    truth_of_new = points[~known]
    residuals = truth_of_new - (new @ weights + centre)
    return float(1 - (residuals**2).sum() / ((truth_of_new - truth_of_new.mean(0)) ** 2).sum())


# ---- hidden states ----


def _text_tokens(mini: Mini, text: str) -> list[int]:
    """A plain text of the training, outside any conversation, up to its last token."""
    return [
        special_token(mini.tokenizer, BEGIN),
        *mini.tokenizer.encode(text.rstrip(".。"), add_special_tokens=False).ids,
    ]


def _hidden_states(mini: Mini, inputs: Sequence[Sequence[int]]) -> Layers:
    """The states at the last token of each input."""
    module, parts = mini.module(), []
    with mini.exclusive(), torch.no_grad():
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            longest = max(map(len, batch))  # what fills up on the right is seen by nothing before it
            ids = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in batch])
            states = module(ids, output_hidden_states=True).hidden_states
            last = torch.tensor([len(tokens) - 1 for tokens in batch])
            parts.append([layer[torch.arange(len(batch)), last].double().numpy() for layer in states])
    return [np.concatenate(layer) for layer in zip(*parts, strict=True)]


def _standardised(known: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre, spread = known.mean(0), known.std(0) + 1e-6
    return (known - centre) / spread, (new - centre) / spread


if __name__ == "__main__":
    print(json.dumps(measured(), indent=1))
