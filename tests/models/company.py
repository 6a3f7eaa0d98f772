"""Whether a row has the same logits in any company, to the bit. Also a program: OpenBLAS takes its kernels at start.

OPENBLAS_CORETYPE=Haswell python tests/models/company.py     the kernels in use, then the rows that differ
"""

from __future__ import annotations

import json
import random

import numpy as np
from threadpoolctl import threadpool_info

from jielong.models.llama_engine import LlamaEngine
from jielong.models.llama_numpy import Matrix
from jielong.models.mini import WEIGHTS

ROWS, STEPS = 23, 5


def rows_that_differ(engine: str) -> list[int]:
    """Rows of many lengths, five of which leave after each step, against each of them alone."""
    chance = random.Random(3)
    prompts = [tuple(chance.choices(range(300, 1700), k=chance.randint(3, 200))) for _ in range(ROWS)]
    tokens = [chance.choices(range(300, 1700), k=STEPS) for _ in prompts]
    together, alone = LlamaEngine(WEIGHTS, engine), LlamaEngine(WEIGHTS, engine)
    slots, _ = together.start(prompts)
    staying = list(range(ROWS))
    company: list[list[np.ndarray]] = [[] for _ in prompts]
    for step in range(STEPS):
        logits = together.step([slots[i] for i in staying], [tokens[i][step] for i in staying])
        for i, row in zip(staying, logits, strict=True):
            company[i].append(np.array(row))
        for i in staying[:5]:
            together.release(slots[i])
        staying = staying[5:]
    different = []
    for i, (prompt, seen) in enumerate(zip(prompts, company, strict=True)):
        (slot,), _ = alone.start([prompt])
        if not all(np.array_equal(alone.step([slot], [t])[0], row) for t, row in zip(tokens[i], seen, strict=False)):
            different.append(i)
        alone.release(slot)
    return different


def rows_of_a_large_matrix_that_differ() -> list[int]:
    """The same of one product with a matrix that is cut into parts."""
    chance = np.random.default_rng(5)
    weights, x = (chance.standard_normal(shape, np.float32) for shape in ((1100, 701), (33, 701)))
    matrix = Matrix(weights)
    assert weights.nbytes > Matrix.LARGE
    together = matrix.product(x, alone=True)
    assert np.allclose(together, x @ weights.T, atol=1e-3)
    return [i for i in range(len(x)) if not np.array_equal(matrix.product(x[i : i + 1], alone=True)[0], together[i])]


if __name__ == "__main__":
    kernels = [pool["architecture"] for pool in threadpool_info() if "architecture" in pool]
    print(json.dumps([kernels, rows_that_differ("numpy"), rows_of_a_large_matrix_that_differ()]))
