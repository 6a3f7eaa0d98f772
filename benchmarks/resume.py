"""Trainings killed with SIGKILL at twenty random moments and started again: how many end with the same fp32 weights.

python benchmarks/resume.py [pretrain] [finetune] [adapter]    # all of them unless told
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, write

sys.path.insert(0, str(ROOT / "tests"))

from training.killing import finished, killed, settings_for

KILLS, FILE = 20, RESULTS / "resume.json"


def main() -> None:
    figures: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {"kills": KILLS}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        finished("pretrain", settings_for("pretrain", base / "start"))
        for kind in sys.argv[1:] or ("pretrain", "finetune", "adapter"):
            expected, seconds = finished(kind, settings_for(kind, base / kind, base / "start" / "weights"))
            rng, resumed, same = random.Random(kind), 0, 0
            for number in range(KILLS):
                settings = settings_for(kind, base / f"{kind}{number}", base / "start" / "weights")
                killed(kind, settings, rng.random() * seconds)
                resumed += (base / f"{kind}{number}" / "checkpoint.safetensors").exists()
                same += finished(kind, settings)[0] == expected
            figures[kind] = {"same weights": same, "killed after a first checkpoint": resumed}
    write("resume", figures)


if __name__ == "__main__":
    main()
