"""Load tests against what is known: stubs that write down what they drew, queues of theory, worlds of recipes.

`stub`: percentiles beside those drawn, in processes of their own; `queue`: the highest rate of an M/M/1 stub; `worlds`:
coverage of percentiles and of the highest rate, and how often what the front says with probability .9 is true; `peer`:
guidellm on the same stub.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from common import write

from jielong import Usage, load
from jielong.measuring.front import RecipeItems, find_front
from jielong.measuring.highest_rate import find_highest_rate
from jielong.measuring.load import LoadCall, LoadPlan, LoadWindow
from jielong.measuring.load_prompts import word_prompts
from jielong.measuring.load_results import LoadResult, LoadTarget
from jielong.measuring.load_test import LoadReport, load_test
from jielong.measuring.percentiles import percentile
from jielong.stats import quantile

TESTS = Path(__file__).parents[1] / "tests"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


# --- against stubs ----------------------------------------------------------------------------------------------------


@contextmanager
def stub(kind: str, rate: float):
    command = [sys.executable, "-m", "load_stub", kind, str(rate), "3600", "0"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()


def drawn(url: str) -> dict[str, list[float]]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/drawn") as answer:
        return json.load(answer)


def run_load(url: str, rates: list[float], plan: LoadPlan, target: LoadTarget | None = None) -> LoadReport:
    with tempfile.TemporaryDirectory() as folder:
        run = partial(load_test, load(f"openai:stub@{url}"), word_prompts(20, 16), rates, plan, target=target,
                      ledger=Path(folder) / "ledger.db")  # fmt: skip
        return anyio.run(run)


def percentiles(rate: float, seconds: float) -> dict[str, Any]:
    """Ours beside those drawn. `worst`: the largest deviation, as a share of what 2 % or 3 ms allow."""
    with stub("independent", 0.2) as url:
        (result,) = run_load(url, [rate], LoadPlan(seconds, 0.0, 30.0)).results
        truth = drawn(url)
    n, figures, worst = len(result.window.calls), dict[str, Any](), 0.0
    for name, ours, values in (
        ("first", result.first_token(), truth["first"]),
        ("whole", result.latency(), truth["whole"]),
    ):
        for key, q in PERCENTILES.items():
            true, value = quantile(values[:n], q), ours[key].value
            figures[f"{name} {key}"] = [round(value, 4), round(true, 4)]
            worst = max(worst, abs(value - true) / max(0.02 * true, 0.003))
    late = {"client_p99": result.lateness(), "stub_p99": quantile(truth["late"], 0.99)}
    return {"rate": rate, "calls": n, "ours_and_drawn": figures, "worst": round(worst, 2), **late}


def queue_rate(capacity: float, share: float, seconds: float) -> dict[str, Any]:
    """An M/M/1 stub: 95 % are done within T up to capacity - ln 20 / T."""
    seconds_allowed = math.log(20) / (capacity * (1 - share))
    with stub("single_server", capacity) as url:
        report = run_load(url, [capacity * 0.2], LoadPlan(seconds, 3.0, 10.0), LoadTarget(seconds_allowed))
    found = report.highest_rate
    assert found
    late = max(result.lateness() for result in report.results)
    off = found.rate and round(found.rate / (capacity * share) - 1, 4)
    return {**found.to_json(), "true": capacity * share, "off": off,
            "windows": len(report.results), "calls": sum(len(r.window.calls) for r in report.results),
            "client_late_p99": late}  # fmt: skip


def guidellm(program: str, processor: str, rate: float, seconds: float) -> dict[str, Any]:
    with stub("independent", 0.2) as url, tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "GUIDELLM__LOGGING__DISABLED": "true"}
        options = {
            "--backend": f"kind=openai_http,target={url.removesuffix('/v1')},model=stub",
            "--profile": f"kind=poisson,rate={rate:g}",
            "--constraint": f"kind=max_duration,seconds={seconds:g}",
            "--data": "kind=synthetic_text,prompt_tokens=20,output_tokens=16",
            "--tokenizer": f"kind=hf_auto,model={processor}",
            "--output": f"kind=json,path={folder}/report.json",
        }
        command = [program, "run", *(word for pair in options.items() for word in pair), "--disable-console"]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=600)
        truth = drawn(url)
        reports = sorted(Path(folder).glob("*.json"))
        if done.returncode or not reports:
            return {"error": (done.stderr or done.stdout)[-500:]}
        metrics = json.loads(reports[0].read_text())["benchmarks"][0]["metrics"]
        latency = metrics["request_latency"]["successful"]["percentiles"]
    whole = truth["whole"][: metrics["request_latency"]["successful"]["count"]]
    return {key: [round(latency[key], 4), round(quantile(whole, q), 4)] for key, q in PERCENTILES.items()}


# --- worlds -----------------------------------------------------------------------------------------------------------


def sojourns(rng: np.random.Generator, capacity: float, rate: float, seconds: float, before: float) -> tuple[Any, Any]:
    """Arrivals in the window of an M/M/1 queue, and how long each stayed."""
    n = rng.poisson(rate * (seconds + before))
    arrivals = np.sort(rng.uniform(-before, seconds, n))
    served = np.cumsum(rng.exponential(1 / capacity, n))
    stays = served + np.maximum.accumulate(arrivals - np.concatenate(([0.0], served[:-1]))) - arrivals
    return arrivals[arrivals >= 0], stays[arrivals >= 0]


def percentile_worlds(worlds: int) -> list[dict[str, Any]]:
    rows = []
    for share, n in (
        (0.0, 60),
        (0.0, 300),
        (0.0, 1000),
        (0.3, 1000),
        (0.5, 1000),
        (0.7, 1000),
        (0.7, 5000),
        (0.8, 5000),
    ):
        rng = np.random.default_rng(n + int(100 * share))
        covered, opened = defaultdict(int), defaultdict(int)
        for _ in range(worlds):
            stays = rng.exponential(1, n) if share == 0 else sojourns(rng, 1.0, share, n / share, 400 / (1 - share))[1]
            for name, q in PERCENTILES.items():
                low, high = percentile(stays, q).ci95
                covered[name] += low <= -math.log(1 - q) / (1 - share) <= high
                opened[name] += math.isinf(high)
        shares = {name: {"coverage": covered[name] / worlds, "open": opened[name] / worlds} for name in PERCENTILES}
        rows.append({"load": share, "calls": n, **shares})
        print(rows[-1], flush=True)
    return rows


async def simulated(
    rng: np.random.Generator, capacity: float, seconds: float, target: LoadTarget, rate: float
) -> LoadResult:
    arrivals, stays = sojourns(rng, capacity, rate, seconds, 5.0)
    usage = Usage()
    calls = [LoadCall(at, 0.0, stay, stay, None, usage, None) for at, stay in zip(arrivals, stays, strict=True)]
    return LoadResult(LoadWindow(rate, seconds, calls, hopeless=bool((stays > target.seconds).mean() > 0.5)))


def rate_worlds(worlds: int) -> list[dict[str, Any]]:
    rows, capacity = [], 150.0
    for share, seconds in ((0.7, 20.0), (0.7, 60.0), (0.85, 20.0)):
        rng, errors, inside, none = np.random.default_rng(7), list[float](), 0, 0
        target = LoadTarget(math.log(20) / (capacity * (1 - share)))
        for _ in range(worlds):
            measure = partial(simulated, rng, capacity, seconds, target)
            found = anyio.run(partial(find_highest_rate, measure, target, 10.0))
            if found.rate is None or found.ci95 is None:
                none += 1
                continue
            errors.append(found.rate / (capacity * share) - 1)
            inside += found.ci95[0] <= capacity * share <= found.ci95[1]
        off = np.array(errors)
        rows.append({"share_of_capacity": share, "window_s": seconds, "worlds": worlds, "no_rate": none,
                     "within_5_percent": float((abs(off) < 0.05).mean()), "bias": float(off.mean()),
                     "sd": float(off.std()), "coverage": inside / len(off)})  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def front_worlds(worlds: int) -> list[dict[str, Any]]:
    """Two recipes on items that are hard, dear and slow together: how often claims of .85 to .95 are true."""
    rows = []
    for n, per in ((60, 1), (200, 1), (400, 4)):
        rng, said = np.random.default_rng(n), defaultdict(list)
        names = [str(i // per) for i in range(n)]
        spread = 3 / math.sqrt(
            n / per
        )  # of the true differences: a few standard errors, or who wins would be known before
        for seed in range(worlds):
            gain, price, time = rng.normal(0, spread, 3) * (1.4, 1.0, 1.0)
            hard = np.repeat(rng.random(n // per), per)
            recipes = []
            for name, g, p, t in (("a", 0.0, 0.0, 0.0), ("b", gain, price, time)):
                right = rng.random(n) < np.clip(0.5 + g / 2 + 0.5 * (0.5 - hard), 0, 1)
                usd = np.exp(p + hard + rng.normal(0, 0.5, n))
                recipes.append(RecipeItems(name, right * 1.0, usd, np.exp(t + hard + rng.normal(0, 0.5, n))))
            front = find_front(recipes, names if per > 1 else None, seed=seed)
            assert front
            for pair in front.pairs:
                sign = 1 if pair.a == "b" else -1
                good, cheap, fast = sign * gain >= 0, sign * price < 0, sign * time < 0
                for key, true in (("as_good", good), ("cheaper", cheap), ("faster", fast),
                                  ("as_good_and_cheaper", good and cheap),
                                  ("as_good_cheaper_and_faster", good and cheap and fast)):  # fmt: skip
                    if 0.85 <= getattr(pair, key) <= 0.95:
                        said[key].append((getattr(pair, key), true))
        means = {key: (len(each), *map(float, np.mean(each, axis=0))) for key, each in said.items()}
        claims = {key: dict(zip(("n", "said", "true"), each, strict=True)) for key, each in means.items()}
        rows.append({"items": n, "clusters": n // per, "worlds": worlds, **claims})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("part", choices=("stub", "queue", "worlds", "front", "rates", "peer"))
    options.add_argument("--worlds", type=int, default=2_000)
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--rate", type=float, default=50.0)
    options.add_argument("--guidellm", help="the program, in an environment of its own")
    options.add_argument("--processor", default="gpt2", help="folder of a tokenizer for it")
    given = options.parse_args()
    figures: dict[str, Any] = {
        "stub": lambda: percentiles(given.rate, given.seconds),
        "queue": lambda: queue_rate(150.0, 0.7, given.seconds),
        "worlds": lambda: percentile_worlds(given.worlds),
        "rates": lambda: rate_worlds(max(1, given.worlds // 10)),
        "front": lambda: front_worlds(given.worlds),
        "peer": lambda: guidellm(given.guidellm, given.processor, given.rate, given.seconds),
    }[given.part]()
    print(json.dumps(figures, indent=1))
    write(f"load_{given.part}", {given.part: figures})


if __name__ == "__main__":
    main()
