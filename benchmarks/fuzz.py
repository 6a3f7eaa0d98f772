"""Every reader of foreign text is given mutated real texts for some minutes: only errors of the tree may come out.

python benchmarks/fuzz.py --seconds 600              all ten readers, one after another
python benchmarks/fuzz.py --seconds 600 --reader wire
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fuzz.foreign_readers import READERS, check

BATCH = 500  # examples between two looks at the clock


def fuzz(name: str, seconds: float, first_seed: int) -> tuple[int, dict[str, str]]:
    """The number of inputs, and the faults by where they were raised, each with its shortest input."""
    faults: dict[str, str] = {}
    inputs = 0
    end = time.monotonic() + seconds
    batch = first_seed
    while time.monotonic() < end:
        batch += 1

        @seed(batch)
        @settings(max_examples=BATCH, database=None, deadline=None, suppress_health_check=list(HealthCheck),
                  phases=(Phase.generate,))  # fmt: skip
        @given(READERS[name][0])
        def run(foreign: object) -> None:
            nonlocal inputs
            if time.monotonic() > end:
                return
            inputs += 1
            try:
                check(name, foreign)
            except Exception as error:
                frames = [f for f in traceback.extract_tb(error.__traceback__) if "jielong" in f.filename]
                place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
                key = f"{type(error).__name__} at {place}: {str(error)[:100]}"
                if key not in faults or len(repr(foreign)) < len(faults[key]):
                    faults[key] = repr(foreign)[:2_000]

        run()
    return inputs, faults


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    for name in options.reader or READERS:
        inputs, faults = fuzz(name, options.seconds, options.seed)
        row = {"reader": name, "seconds": options.seconds, "inputs": inputs, "faults": len(faults)}
        print(json.dumps(row), flush=True)
        for fault, shortest in sorted(faults.items()):
            print(f"  {fault}\n    {shortest[:400]}", flush=True)


if __name__ == "__main__":
    main()
