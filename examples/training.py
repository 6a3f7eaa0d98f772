"""Training turns a model and data into a model: a tiny one learns from nothing, and is measured at once.

Needs `pip install '.[train]'`. Half a minute is too short to learn much: docs/mini.md tells of a real training.
"""

import sys
from pathlib import Path

from jielong import TrainConfig, evaluate, pretrain

out = Path(sys.argv[1] if len(sys.argv) > 1 else "build/tiny")
settings = TrainConfig.model_validate(
    {
        "out": out,
        "network": {"layers": 2, "hidden": 64, "mlp": 176, "heads": 2, "positions": 128},
        "tokenizer": {"vocabulary": 600, "documents": 500},
        "stages": [{"source": "mini:world/short", "tokens": 40_960, "length": 128}],
        "loop": {"batch_tokens": 1024, "learning_rate": 0.01, "optimizer": "muon", "warmup_steps": 4, "log_every": 10},
    }
)
model = pretrain(settings, lambda point: print(f"step {point.step}: loss {point.loss:.2f}"))
report = evaluate("mini:word_problems/1", model, "mini", limit=10)
print(*(f"{result.model}: {result.accuracy.mean:.0%} right" for result in report.results), sep="\n")
