"""Logistic regression with a ridge penalty, by Newton's method: all that fitting a route needs of it."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS, CLOSE_ENOUGH = 30, 1e-8


def logistic_regression(x: Array, y: Array, penalty: float) -> Array:
    """The weights, the constant last, which is not penalised. `y` is from 0 to 1; the loss is the mean over rows plus
    penalty / 2 × the sum of squares of the weights."""
    x = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 1e-6  # so that there is an end where all answers are right
    weights = np.zeros(x.shape[1])
    loss = _loss(x, y, weights, ridge)
    for _ in range(STEPS):
        p = predicted(x[:, :-1], weights[None])[:, 0]
        gradient = x.T @ (p - y) / len(x) + ridge * weights
        hessian = (x * (p * (1 - p) + 1e-9)[:, None]).T @ x / len(x) + np.diag(ridge)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while (new := _loss(x, y, weights - size * step, ridge)) > loss and size > 1e-4:
            size /= 2
        if loss - new < CLOSE_ENOUGH:
            break
        weights, loss = weights - size * step, new
    return weights


def predicted(x: Array, weights: Array) -> Array:
    """Probabilities, rows × models; `weights` are models × features, the constant last."""
    z = x @ weights[:, :-1].T + weights[:, -1]
    probabilities: Array = 1 / (1 + np.exp(-np.clip(z, -60, 60)))
    return probabilities


def _loss(x: Array, y: Array, weights: Array, ridge: Array) -> float:
    z = x @ weights
    return float((np.logaddexp(0, z) - y * z).mean() + (ridge * weights**2).sum() / 2)
