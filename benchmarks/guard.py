"""The guard against over-optimisation on runs whose gold reward is known: how far from the peak does each rule stop?

    python benchmarks/guard.py runs     # trains what is missing in build/guard (resumable; half a minute of CPU a run)
    python benchmarks/guard.py report   # tries the guard and the other rules on the traces; writes results/guard.json

`proxy` runs are trained against one reward model, `worst_case` ones against the lowest of four, `gold` ones against
the gold reward, of which those that never fall test for false stops. A vote compares two fresh texts, of two looks, by
gold, and is wrong with probability .25; the guard sees votes and KL and nothing else.
"""

from __future__ import annotations

import copy
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import common
import numpy as np

from jielong.training.alignment.overoptimization_guard import Duel, Guard, PeakEstimate

BUILD = Path(os.environ.get("GUARD_BUILD", common.ROOT / "build" / "guard"))
SEEDS, GOLD_SEEDS, STREAMS, VOTES, NOISE = 20, 6, 200, 2000, 0.25
STEPS, LOOK_EVERY, TEXTS, RATE, PAIRS = 40, 2, 128, 1.5e-3, 400


def base_policy() -> Any:
    """The first policy and 4,000 of its texts; trained once."""
    import guard_world as world
    import torch
    from safetensors.torch import load_file, save_file

    file, policy = BUILD / "base.safetensors", world.new_policy(0)
    if not file.exists():
        world.warmed_up(policy)
        generator = torch.Generator().manual_seed(5)
        texts = world.sample(policy, world.prompts(4000, generator), generator)
        weights = {k: v for k, v in policy.state_dict().items() if k != "lm_head.weight"}
        BUILD.mkdir(parents=True, exist_ok=True)
        save_file({**weights, "texts": texts}, file)
    saved = load_file(file)
    texts = saved.pop("texts")
    policy.load_state_dict(saved, strict=False)
    policy.tie_weights()
    return policy, texts


def train_runs() -> None:
    import guard_world as world
    import torch

    torch.set_num_threads(1)
    policy, texts = base_policy()
    plan = [(kind, seed) for seed in range(SEEDS) for kind in (["proxy"] + (["gold"] if seed < GOLD_SEEDS else []))]
    for kind, seed in [*plan, *(("worst_case", seed) for seed in range(SEEDS))]:
        file = BUILD / f"{kind}_{seed}.json"
        if file.exists() or file.with_suffix(".lock").exists():
            continue
        file.with_suffix(".lock").touch()  # by whom else this is run at the same time
        gold = world.gold_reward(seed, texts)
        proxies = [world.proxy_reward(seed, i, texts, gold, PAIRS) for i in range(4 if kind == "worst_case" else 1)]
        reward = gold if kind == "gold" else lambda ids, proxies=proxies: torch.stack([p(ids) for p in proxies]).amin(0)
        with tempfile.TemporaryDirectory() as out:
            trace = world.run(copy.deepcopy(policy), reward, {"gold": gold, "proxy": reward}, seed, STEPS, LOOK_EVERY,
                              TEXTS, RATE, Path(out))  # fmt: skip
        file.write_text(json.dumps(trace))
        print(kind, seed, *(f"{statistics.mean(look['gold']):.2f}" for look in trace), flush=True)


def voted(trace: list[dict[str, Any]], a: int, b: int, votes: int, rng: np.random.Generator) -> Duel:
    first, second = (np.array(trace[i]["gold"])[rng.integers(0, len(trace[i]["gold"]), votes)] for i in (a, b))
    right = rng.random(votes) >= NOISE
    won, lost = ((side & right) | (other & ~right) for side, other in (
        (first > second, first < second), (first < second, first > second)))  # fmt: skip
    return Duel(a, b, int(won.sum()), int(lost.sum()), int((first == second).sum()))


def guarded(
    trace: list[dict[str, Any]], seed: int, *, choose: bool = True
) -> tuple[int | None, PeakEstimate | None, int]:
    """The look at which the guard stops (None: never), its estimate, and how many votes it took."""
    rng, guard, stopped = np.random.default_rng(seed), Guard(len(trace), VOTES), None
    for look, figures in enumerate(trace):
        rival = guard.add_look(figures["kl"])
        if rival is None:
            continue
        guard.add(voted(trace, look, rival, guard.votes_of_look, rng))
        if guard.has_fallen():
            stopped = look
            break
    if not choose:
        return stopped, None, VOTES - guard.votes_left
    while duel := guard.next_duel():
        guard.add_choice(voted(trace, *duel, rng))
    return stopped, guard.estimate(), VOTES - guard.votes_left


def traces(kind: str) -> dict[int, list[dict[str, Any]]]:
    found = {seed: BUILD / f"{kind}_{seed}.json" for seed in range(SEEDS)}
    return {seed: json.loads(file.read_text()) for seed, file in found.items() if file.exists()}


def curve(trace: list[dict[str, Any]]) -> np.ndarray:
    return np.array([statistics.mean(look["gold"]) for look in trace])


def regret(gold: np.ndarray, look: int) -> float:
    return float((gold.max() - gold[look]) / (gold.max() - gold[0]))


def summary(regrets: list[float]) -> dict[str, float] | None:
    if not regrets:
        return None
    q = np.quantile(regrets, [0.25, 0.5, 0.75, 1.0])
    return {"n": len(regrets), "median": q[1], "q25": q[0], "q75": q[2], "worst": q[3]}


def report() -> None:
    proxies, figures, rows = traces("proxy"), dict[str, Any](), []
    golds = {seed: curve(trace) for seed, trace in proxies.items()}
    for seed, trace in proxies.items():
        stopped, estimate, votes = guarded(trace, seed)
        assert estimate
        again = [guarded(trace, 100 * (stream + 1) + seed) for stream in range(9)]
        streams = [(stopped, estimate), *((stop, other) for stop, other, _ in again if other)]
        rows.append({
            "seed": seed, "regrets": [round(regret(golds[seed], e.best), 4) for _, e in streams],
            "covered": sum(regret(golds[seed], e.best) <= e.regret_at_most + 1e-9 for _, e in streams),
            "stops": [stop for stop, _ in streams], "peak": int(golds[seed].argmax()), "stopped": stopped,
            "restored": estimate.best,
            "regret": regret(golds[seed], estimate.best), "stated": estimate.regret, "at_most": estimate.regret_at_most,
            "end": regret(golds[seed], -1), "votes": votes,
            "kl": [round(look["kl"], 2) for look in trace], "gold": [round(float(g), 3) for g in golds[seed]],
            "proxy": [round(statistics.mean(look["proxy"]), 3) for look in trace],
        })  # fmt: skip
    figures["guard"] = summary([value for row in rows for value in row["regrets"]])
    figures["stopped"] = statistics.mean(stop is not None for row in rows for stop in row["stops"])
    figures["stated_covers"] = statistics.mean(row["covered"] / len(row["stops"]) for row in rows)
    figures["to_the_end"] = summary([row["end"] for row in rows])
    figures["fixed_kl"] = summary(list(fixed_kl(proxies, golds).values()))
    worst = {seed: curve(trace) for seed, trace in traces("worst_case").items() if seed in golds}
    figures["worst_case_ensemble_end"] = summary([  # against the peak of the run with one proxy, and its own
        float((max(golds[seed].max(), gold.max()) - gold[-1]) / (max(golds[seed].max(), gold.max()) - gold[0]))
        for seed, gold in worst.items()
    ]) if worst else None  # fmt: skip
    figures["false_stops"] = false_stops({**{f"gold {s}": t for s, t in traces("gold").items()}})
    picture(rows)
    common.write("guard", {"votes": VOTES, "noise": NOISE, **figures, "runs": rows}, quiet=True)
    print(json.dumps({**figures, "regrets": [round(row["regret"], 3) for row in rows]}, indent=1))


def picture(rows: list[dict[str, Any]]) -> None:
    """Gold and proxy over sqrt(KL), of each run, in build/guard/guard.html."""
    from jielong.reporting.charts import ChartLine, curves
    from jielong.reporting.html_page import HtmlPage

    page = HtmlPage("Gold and proxy over sqrt(KL)", "en")
    for row in rows:
        distances = [max(kl, 0.0) ** 0.5 for kl in row["kl"]]
        lines = [ChartLine(name, sorted(zip(distances, row[name], strict=True))) for name in ("proxy", "gold")]
        page.add(f"Run {row['seed']}: restored look {row['restored']}, regret {row['regret']:.3f}",
                 curves(lines, x="sqrt(KL)", y="standard deviations of the first policy"))  # fmt: skip
    page.write(BUILD / "guard.html")


def fixed_kl(proxies: dict[int, Any], golds: dict[int, np.ndarray]) -> dict[int, float]:
    """Stop at the KL that was best on the other runs: more than anybody knows of a new run."""
    found = {}
    limits = np.linspace(0.2, 12, 60) ** 2

    def at(seed: int, limit: float) -> float:
        looks = [i for i, look in enumerate(proxies[seed]) if look["kl"] <= limit]
        return regret(golds[seed], looks[-1])

    for seed in proxies:
        others = [other for other in proxies if other != seed]
        if others:
            best = min(limits, key=lambda limit: statistics.median(at(other, limit) for other in others))
            found[seed] = at(seed, best)
    return found


def false_stops(runs: dict[str, Any]) -> dict[str, Any]:
    """Of streams of votes on runs in which no look is worse than an earlier one by more than four standard errors."""
    counted = {}
    for name, trace in runs.items():
        gold = curve(trace)
        errors = np.array([statistics.stdev(look["gold"]) / len(look["gold"]) ** 0.5 for look in trace])
        falls = [(gold[i] - gold[j]) / max(float(np.hypot(errors[i], errors[j])), 1e-9)
                 for i in range(len(gold)) for j in range(i + 1, len(gold))]  # fmt: skip
        if max(falls) > 4:  # of some 200 pairs, chance gives one of 3
            counted[name] = {"fell_by_errors": max(falls)}
            continue
        stops = sum(guarded(trace, 1000 + stream, choose=False)[0] is not None for stream in range(STREAMS))
        counted[name] = {"stops": stops, "streams": STREAMS, "fell_by_errors": max(falls)}
    never = [each for each in counted.values() if "stops" in each]
    share = sum(each["stops"] for each in never) / (STREAMS * len(never)) if never else None
    return {"runs": len(never), "streams_each": STREAMS, "share": share, "by_run": counted}


if __name__ == "__main__":
    {"runs": train_runs, "report": report}[sys.argv[1]]()
