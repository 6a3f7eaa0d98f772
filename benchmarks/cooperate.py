"""delegate, debate, mixture_of_agents and team beside a vote of as many tokens, on models of known ability and on mini.

The rows are those of `make techniques`, and beside them what the experts do without any technique: the best of them
alone, one drawn for each question, and the most common of their answers at the tokens of the technique. Then what the
rules bring: the judge asked in both orders, a quarrel that never ends, a member that adds nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from common import ROOT, write

sys.path.insert(0, str(ROOT / "scripts"))

import measure_techniques as measure
import techniques_experts as experts
from techniques_rows import EXPERTS, ROWS, Row

from jielong import Message, Model, Reply, Request, Sampling, Scripted, adds_output, debate, gather, load, team
from jielong.answers import RULES
from jielong.technique import ballot

NAMES = ("delegate", "debate", "mixture_of_agents", "team")
BESIDE = (
    *(f"one_of(models=[scripted:{name}])" for name in experts.SUBJECTS),
    f"one_of(models={EXPERTS})",
    f"panel_vote(models={EXPERTS}, each=1)",
    f"panel_vote(models={EXPERTS}, each=8)",
    f"delegate(models={EXPERTS})",
    f"mixture_of_agents(models={EXPERTS}, layers=3)",
    f"debate(models={EXPERTS}, rounds=1)",
    f"debate(models={EXPERTS}, judge=scripted:botanist)",
)


@adds_output(calls=lambda model, models, **_: max(models))
async def one_of(model: Model, request: Request, *, models: Sequence[Model]) -> Reply:
    """One of the models, drawn by the seed."""
    sampling = request.sampling
    drawn = experts.chance("one of", sampling.seed, request.messages[-1].text)
    return await drawn.choice(list(models)).generate(request)


@adds_output(calls=lambda model, models, each, **_: each * sum(models))
async def panel_vote(model: Model, request: Request, *, models: Sequence[Model], each: int = 1) -> Reply:
    """The most common answer of all models; a tie goes to the first."""
    warm = request.with_sampling(temperature=0.7)
    samples = await gather(None, [(member, warm) for member in models for _ in range(each)])
    votes = Counter(ballot(sample, RULES["number"]) for sample in samples)
    winner = votes.most_common(1)[0][0]
    return next(s for s in samples if isinstance(s, Reply) and ballot(s, RULES["number"]) == winner)


async def rows(folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    beside = [Row(step, "subjects", "scripted:generalist", experts.ITEMS) for step in BESIDE]
    for row in (*(row for row in ROWS if row.technique in NAMES), *beside):
        found = await measure.measured(row, folder)
        technique, voted = found["technique"], found.get("voted")
        figures[f"{row.base} | {row.step}"] = line = {
            "accuracy": technique["mean"],
            "ci95": technique["ci95"],
            "tokens": technique["input"] + technique["output"],
            "calls": technique["calls"],
            "plain": found["plain"]["mean"],
            "vote": voted and {"k": found["k"], "accuracy": voted["mean"], "tokens": voted["input"] + voted["output"]},
            "gain_on_the_better": [found["gain"]["difference"], *found["gain"]["difference_ci95"]],
        }
        print(f"{line['accuracy']:.3f} {row.base} | {row.step}", file=sys.stderr, flush=True)
    return figures


async def orders() -> dict[str, Any]:
    """Of debates between experts who differ: what the generalist says in one order, and in both."""
    asked: list[tuple[Request, str]] = []

    def judge(request: Request) -> str:
        verdict = experts.reply("generalist", request)
        asked.append((request, verdict))
        return verdict

    panel = [load(f"scripted:{name}") for name in ("chemist", "historian")]
    model = Scripted(judge, name="scripted:judge") | debate(models=panel, rounds=1)
    right_by_question = {item.request().messages[-1].text: int(item.accepted[0]) for item in experts.subjects().items}
    for i, question in enumerate(right_by_question):
        await model.generate(Request((Message("user", question),), Sampling(seed=i, max_tokens=64)))
    verdicts: dict[str, list[int]] = {}
    rights: dict[str, int] = {}
    for request, verdict in asked:
        text = request.messages[-1].text
        number = re.fullmatch(r"Verdict: (\d)", verdict)
        if number:
            question = next(q for q in right_by_question if q in text)
            verdicts.setdefault(question, []).append(experts.shown(text)[int(number[1]) - 1])
            rights[question] = right_by_question[question]
    both = {q: v for q, v in verdicts.items() if len(v) == 2}
    agreed = {q: v[0] for q, v in both.items() if v[0] == v[1]}
    return {
        "debates": len(both),
        "right_in_one_order": sum(v[0] == rights[q] for q, v in both.items()) / len(both),
        "another_verdict_in_the_other_order": 1 - len(agreed) / len(both),
        "right_where_both_orders_agree": sum(v == rights[q] for q, v in agreed.items()) / len(agreed),
    }


async def quarrels() -> dict[str, Any]:
    """Calls of debates in which nobody gives way and the judge never decides, by `rounds`."""
    calls = {}
    for rounds in (1, 2, 3, 5, 10):
        panel = [Scripted(f"The answer is {i}.", name=f"scripted:{i}") for i in (1, 2)]
        model = Scripted("Verdict: 0", name="scripted:judge") | debate(models=panel, rounds=rounds)
        reply = await model.generate(Request((Message("user", "How many?"),), Sampling(seed=1)))
        calls[str(rounds)] = [reply.usage.calls, model.max_calls()]
    return calls


async def dropped() -> dict[str, Any]:
    """How many teams asked each member for a second contribution; the friend never says a word to the point."""
    again: Counter[str] = Counter()
    items = experts.subjects().items
    for i, item in enumerate(items):
        asked: Counter[str] = Counter()

        def worker(request: Request, asked: Counter[str] = asked) -> str:
            asked.update(re.findall(r"Your role: (\w+ \w+)", request.messages[-1].text))
            return experts.reply("generalist", request)

        model = load("scripted:generalist") | team(worker=Scripted(worker, name="scripted:worker"))
        await model.generate(item.request().with_sampling(seed=i, max_tokens=64))
        again.update(role for role, times in asked.items() if times > 1)
    return {"teams": len(items), "asked_again": dict(again)}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/techniques"), help="where finished rows are kept")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    figures = {"orders": await orders(), "quarrels": await quarrels(), "dropped": await dropped()}
    write("cooperate", {**figures, "rows": await rows(folder)})


if __name__ == "__main__":
    anyio.run(main)
