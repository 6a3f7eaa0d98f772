"""mini's model card, written from what was measured."""

from __future__ import annotations

import hashlib
import json
from itertools import zip_longest
from pathlib import Path
from typing import Any

from safetensors import safe_open

from jielong.models.mini import WEIGHTS

FIRST_EDITION = Path(__file__).with_name("mini_first_edition.json")


def written(training: dict[str, Any], scores: dict[str, Any]) -> str:
    weights, config = WEIGHTS / "model.safetensors", json.loads((WEIGHTS / "config.json").read_text())
    with safe_open(weights, "np") as opened:
        parameters = sum(_size(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    loop = training["loop"]
    return CARD.format(
        parameters=f"{parameters / 1e6:.2f}",
        layers=config["num_hidden_layers"], hidden=config["hidden_size"], heads=config["num_attention_heads"],
        width=config["head_dim"], positions=config["max_position_embeddings"], vocabulary=config["vocab_size"],
        megabytes=f"{weights.stat().st_size / 1e6:.2f}", trainings=_trainings(training),
        stages=_stages(training["stages"]), batch=f"{loop['batch_tokens']:,}", decay=f"{loop['decay']:g}",
        weights=hashlib.sha256(weights.read_bytes()).hexdigest()[:16],
        scores=_scores(scores["generated"]), other_people=_scores(scores["other_people"]),
        votes=_votes(scores["votes"]), knowledge=_knowledge(_earlier(training)["knowledge"] + training["knowledge"]),
        schemas=_schemas(scores["schemas"]),
        truth=_layers(scores["probes"]["truth"]), map=_layers(scores["probes"]["map"]),
    )  # fmt: skip


def _earlier(training: dict[str, Any]) -> dict[str, Any]:
    return json.loads(FIRST_EDITION.read_text()) if training["tokens_before"] else {"trainings": [], "knowledge": []}


def _trainings(training: dict[str, Any]) -> str:
    last = training | {"rate": training["loop"]["learning_rate"]}
    rows = [
        f"| {row['recipe']} | {row['tokens'] / 1e6:.1f} | {row['rate']:g} | {row['data_sha256'][:16]}… |"
        for row in (*_earlier(training)["trainings"], last)
    ]
    return "\n".join(rows)


def _stages(stages: list[dict[str, Any]]) -> str:
    rows = [f"| `{s['source']}` | {s['tokens'] / 1e6:.1f} | {s['length']} |" for s in stages]
    return "\n".join(rows)


def _size(shape: list[int]) -> int:
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def _figure(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return "–"
    if figure["mean"] is None:
        return "not measured"
    if figure["low"] is None:
        return _short(figure["mean"])
    return f"{_short(figure['mean'])} [{_short(figure['low'])}, {_short(figure['high'])}]"


def _short(value: float) -> str:
    text = f"{abs(value):.3f}".removeprefix("0")
    return f"−{text}" if value < 0 else text


def _scores(rows: list[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        wanted = row["claim"].replace(">=", "≥").replace("<=", "≤")
        if row["near"]:
            wanted += "; zh near en" if wanted else "zh near en"
        wanted += f" (missed: {', '.join(row['missed'])})" if row["missed"] else ""
        recipe = row["recipe"].replace("|", "\\|")
        asked = f"`{row['task']}`, `{recipe}`"
        figures = (_figure(row["figures"].get(language)) for language in ("en", "zh"))
        lines.append(f"| {' | '.join((row['about'], asked, *figures, wanted))} |")
    return "\n".join(lines)


def _votes(votes: list[dict[str, Any]]) -> str:
    rows = []
    for vote in votes:
        gain = f"{100 * vote['gain']:+.1f}"
        if vote["ci95"]:
            gain += f" [{', '.join(f'{100 * x:+.1f}' for x in vote['ci95'])}]"
        gain += " (missed)" if vote["gain"] < 0.03 else ""
        cells = (vote["language"], str(vote["steps"]), f"{vote['temperature']:g}", _figure(vote["single"]))
        rows.append(f"| {' | '.join((*cells, _figure(vote['voted']), gain))} |")
    return "\n".join(rows)


def _knowledge(rows: list[dict[str, Any]]) -> str:
    def share(cell: dict[str, Any]) -> str:
        return "–" if cell["recall"] is None else f"{_short(cell['recall'])} ({cell['n']})"

    lines = []
    for row in rows:
        cells = (f"{row['tokens'] / 1e6:.1f}M", f"{row['loss_words']:.2f}", f"{row['loss_values']:.2f}")
        lines.append(f"| {' | '.join((*cells, *map(share, row['recall'])))} |")
    return "\n".join(lines)


def _schemas(found: dict[str, Any]) -> str:
    missed = "" if found["share"] >= 0.98 else " (missed)"
    return f"{_short(found['share'])} of {found['n']} replies under {found['schemas']} schemas{missed}"


def _layers(probe: dict[str, Any]) -> str:
    """A table with a row for the embeddings and each layer, a column for each language and position."""
    if "why" in probe:
        return f"Not measured: {probe['why']}."
    columns = {f"{language}, {position}": figures for language, by in probe.items() for position, figures in by.items()}
    rows = [["layer", *columns], ["---"] * (len(columns) + 1)]
    for number, figures in enumerate(zip_longest(*columns.values())):
        rows.append([str(number) if number else "embeddings", *map(_short, figures)])
    rows.append(["**best**", *(f"**{_short(max(figures))}**" for figures in columns.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


CARD = """# mini

A Llama network of {parameters} million parameters ({layers} layers of {hidden}, {heads} heads of {width}, vocabulary
{vocabulary}, context {positions}) in bf16 ({megabytes} MB), Hugging Face layout. It speaks English and Chinese about
one generated world, knows nothing else, and says so. An unset temperature is 0.

## How it was made

| recipe | million tokens | rate | SHA-256 of the digests of all batches |
|---|---|---|---|
{trainings}

The rows above the last are the first edition's, in its narrower world. `mini_widen_vocabulary.py` gave these weights
the tokens that the wider world needs, and the last training went on from there:

| documents | million tokens | tokens in a row |
|---|---|---|
{stages}

Each document is generated by `world/` and seen once, in English or Chinese, {batch} tokens a step. Muon on the matrices
and AdamW on the rest, a plateau and a linear decay over the last {decay} of the steps, bf16 autocast on fp32 weights
where the hardware computes in it. SHA-256 of the weights {weights}….

`make mini` trains a sibling from nothing in one run of `mini.toml`, goes on where it was stopped, and writes this card
from its own measurements.

Held out by hash, before any training: one invented name in ten, one real name in ten of those that people mention, one
sentence form in ten of every rule of the grammar (in words that other forms teach), one combination of numbers in ten,
one claim about a fact in ten, one pair of towns in ten, whole topics of tools. `exposures.json` has how often each fact
was told.

## Scores

On held-out names, forms and numbers; 95 % intervals; `python scripts/mini.py` writes this file. The tasks are
`mini:TASK`, in Chinese `mini:TASK/zh`.

| | task and recipe | English | Chinese | wanted |
|---|---|---|---|---|
{scores}

JSON under small schemas that no training text has, at temperature 0 and 1 (wanted: valid and ended in 98 of 100):
{schemas}.

Eight votes, at the length and temperature where one sample is nearest to three in four; wanted are three points:

| | steps | temperature | `cot`, one sample | `cot`, `self_consistency(n=8)` | points gained |
|---|---|---|---|---|---|
{votes}

## In other people's words

What people typed who had not read the grammar, kept as `mini:in_the_wild` and never trained on. Chinese is near English
where it is at most five points below.

| | task and recipe | English | Chinese | wanted |
|---|---|---|---|---|
{other_people}

## Two kinds of knowledge

How a sentence is made is learnt early; what is so in the world is learnt fact by fact, by how often it is told. Loss in
nats a token; recall (and how many questions) on held-out forms, by how often the fact had been told by then. Up to
117.6 million tokens: the first edition, asked in its own forms.

| tokens | words of a statement | its value | never told | 1–9 | 10–29 | 30–99 | 100–299 | 300+ |
|---|---|---|---|---|---|---|---|---|
{knowledge}

## What its layers hold

A linear probe for truth, trained on claims about facts that the training judged: AUROC on claims, some of them denials,
about facts that were told and never judged (wanted: ≥ .90 in some layer).

{truth}

Coordinates of the towns that were told only by where they lie from one another, by ridge regression on those that were
told by their two numbers: R² (wanted: ≥ .90 in some layer).

{map}

## What it cannot do

Talk about anything outside its world, go beyond five steps or three digits in a word problem, read more than
{positions} tokens, write code other than one expression, see images. Its confidence means nothing beyond its world.
"""
