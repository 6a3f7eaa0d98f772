"""What the report says, in the reader's language; `backticks` in its sentences stand around recipes."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TypeAlias

from markupsafe import Markup, escape

from ...improving.improve_result import ImproveResult
from ...stats import Interval
from ..formatting import p_value, percent, signed
from ..html_page import Language, read_template
from .results_table import short, steps_of

Words: TypeAlias = dict[str, dict[str, str]]


@cache
def words(language: Language) -> Words:
    loaded: Words = tomllib.loads(read_template(f"improve/words.{language}.toml"))
    return loaded


def verdict_sentences(outcome: ImproveResult, language: Language) -> tuple[str, str]:
    """The verdict in one sentence, and what it rests on."""
    said = words(language)["verdict"]
    kind, recipe, compared = outcome.verdict.kind, outcome.verdict.recipe, outcome.verdict.comparison
    plain, what = outcome.models[0], recipe_label(recipe, outcome)
    if kind == "improved" and compared and outcome.plain and outcome.chosen:
        key = "improved_judged" if outcome.rule == "judge" else "improved"
        of = {"to": percent(outcome.chosen.accuracy.mean), "from": percent(outcome.plain.accuracy.mean)}
        figures = _figures(compared.difference, compared.ci95) | {"n": str(compared.n), "plain": short(plain)}
        figures |= {"p": _p(outcome, said), "recipe": short(recipe)}
        return said[key].format(what=what, **of), sentences(
            said["improved_lead"].format(**figures), said["budget_ended"] if outcome.stopped == "budget" else ""
        )
    if kind == "nothing helped":
        return said["nothing"], _nothing(outcome, said)
    key = "interrupted" if kind == "interrupted" else "budget"
    so_far = ""
    if compared and recipe != plain:
        figures = _figures(compared.difference, compared.ci95) | {"n": str(compared.n), "plain": short(plain)}
        so_far = said["so_far" if outcome.verdict.interval_from == "search" else "so_far_final"].format(**figures)
    heading = said[f"{key}_plain"] if recipe == plain else said[key].format(what=what)
    return heading, sentences(so_far, said["go_on" if key == "interrupted" else "go_on_budget"])


def _nothing(outcome: ImproveResult, said: dict[str, str]) -> str:
    plain = short(outcome.models[0])
    n = len(outcome.plain.answers) if outcome.plain else len(outcome.splits.final)
    parts = [said["nothing_lead"].format(plain=plain, n=n)]
    if outcome.comparisons:
        first = outcome.comparisons[0]
        figures = _figures(first.difference, first.ci95) | {"p": _p(outcome, said)}
        parts.append(said["nothing_best"].format(what=recipe_label(first.recipe, outcome), **figures))
    parts.append(said["nothing_points"].format(points=f"{100 * outcome.plan.detectable:.0f}"))
    return sentences(*parts, said["budget_ended"] if outcome.stopped == "budget" else "")


def _figures(difference: float, ci95: Interval | None) -> dict[str, str]:
    low, high = ci95 or (difference, difference)
    return {"difference": signed(difference), "low": signed(low), "high": signed(high)}


def _p(outcome: ImproveResult, said: dict[str, str]) -> str:
    compared = outcome.verdict.comparison or outcome.comparisons[0]
    p = p_value(compared.p_holm)
    p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
    k = len(outcome.comparisons)
    return said["p_one"].format(p=p) if k < 2 else said["p"].format(p=p, k=k)


def recipe_label(recipe: str, outcome: ImproveResult) -> str:
    """A recipe by its steps alone, where there is one model; long texts cut."""
    return short(steps_of(recipe, outcome.models) or recipe) if len(outcome.models) == 1 else short(recipe)


def coded(sentence: str) -> Markup:
    """The sentence with what stands in `backticks` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(_joined(sentence)))))


def unbroken(said: Words) -> Words:
    """The words for a page: no line ends inside a figure."""
    return {section: {key: _joined(text) for key, text in texts.items()} for section, texts in said.items()}


def _joined(text: str) -> str:
    return re.sub(r" %|(?<=\bp) [<=] (?=\.)", lambda found: found[0].replace(" ", "\u00a0"), text)


def plainly(sentence: str) -> str:
    """The sentence for a terminal."""
    return sentence.replace("`", "")


def sentences(*parts: str) -> str:
    """Those that are not empty in a row; Chinese ones have no space between them."""
    said = [part for part in parts if part]
    return (" " if all(part[-1] in ".!?" for part in said) else "").join(said)
