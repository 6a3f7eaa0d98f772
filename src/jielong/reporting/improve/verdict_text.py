"""The verdict of a run in sentences, and what happened to each candidate of its search."""

from collections.abc import Mapping, Sequence

from ...improving.improve_result import Comparison, ImproveResult, Note
from ..formatting import p_value, percent, signed
from ..recipe_rows import RecipeRow, short, steps_of
from ..translation import translate
from ..wording import Language, sentences, words

Section = Mapping[str, str]


def verdict_sentences(result: ImproveResult, language: Language) -> tuple[str, str]:
    """The verdict in one sentence, and what it rests on."""
    texts, verdict = words(language)["verdict"], result.verdict
    baseline, what, pair = result.models[0], recipe_label(verdict.recipe, result), verdict.comparison
    ended = texts["budget_ended"] if result.stopped == "budget" else ""
    if verdict.kind == "improved" and pair and result.plain and result.chosen:
        accuracy = {"to": percent(result.chosen.accuracy.mean), "from": percent(result.plain.accuracy.mean)}
        heading = texts["improved_judged" if result.unit == "grade" else "improved"].format(what=what, **accuracy)
        figures = _figures(pair, result, texts)
        return heading, sentences(texts["improved_lead"].format(recipe=short(verdict.recipe), **figures), ended)
    if verdict.kind == "nothing helped":
        return texts["nothing"], sentences(_nothing(result, texts), ended)
    key = "interrupted" if verdict.kind == "interrupted" else "budget"
    so_far = texts["so_far" if verdict.interval_from == "search" else "so_far_final"]
    so_far = so_far.format(**_figures(pair, result, texts)) if pair and verdict.recipe != baseline else ""
    heading = texts[f"{key}_plain"] if verdict.recipe == baseline else texts[key].format(what=what)
    return heading, sentences(so_far, texts["go_on" if key == "interrupted" else "go_on_budget"])


def _nothing(result: ImproveResult, texts: Section) -> str:
    n = len(result.plain.answers) if result.plain else len(result.splits.final)
    best = ""
    if result.comparisons:
        pair = result.comparisons[0]
        best = texts["nothing_best"].format(what=recipe_label(pair.recipe, result), **_figures(pair, result, texts))
    points = texts["nothing_points"].format(points=f"{100 * result.plan.detectable:.0f}")
    return sentences(texts["nothing_lead"].format(plain=short(result.models[0]), n=n), best, points)


def _figures(pair: Comparison, result: ImproveResult, texts: Section) -> dict[str, str]:
    low, high = pair.ci95 or (pair.difference, pair.difference)
    k, corrected = len(result.comparisons), texts["no_test"]
    if pair.p_holm is not None:
        p = p_value(pair.p_holm)
        p = p.replace("<", "<\u00a0") if p.startswith("<") else f"=\u00a0{p}"  # no line ends inside
        corrected = texts["p_one"].format(p=p) if k < 2 else texts["p"].format(p=p, k=k)
    return {
        "difference": signed(pair.difference), "gain": percent(pair.difference), "low": signed(low),
        "high": signed(high), "n": str(pair.n), "plain": short(result.models[0]), "p": corrected,
    }  # fmt: skip


def candidate_end(result: ImproveResult, row: RecipeRow, finals: Mapping[str, RecipeRow], language: Language) -> str:
    """What happened to a candidate. `row` is one of the search, `finals` are those of the final by recipe."""
    texts, dropped = words(language)["search"], row.dropped
    if row.recipe == result.models[0]:
        return texts["plain"]
    if dropped is None and row.recipe in finals:
        return texts[_end_in_final(result, row.recipe)]
    if dropped is None:
        return texts[f"{'running' if row.n else 'waiting'}_{result.stopped}"]
    key = dropped.why + ("_alone" if dropped.why in ("worse", "dearer") and dropped.by is None else "")
    by = f"`{recipe_label(dropped.by, result)}`" if dropped.by else ""
    return texts[key].format(round=dropped.round, by=by, words=translate(dropped.words, language))


def _end_in_final(result: ImproveResult, recipe: str) -> str:
    if result.verdict.kind == "improved" and recipe == result.verdict.recipe:
        return "chosen"
    if result.finalists[1].model != recipe:
        return "finalist"
    return "chosen_interrupted" if unfinished(result) else "chosen_unconfirmed"


def unfinished(result: ImproveResult) -> bool:
    """Whether it was stopped before a verdict, so that nothing it says is final."""
    return result.verdict.kind in ("interrupted", "budget spent")


def without_effect(search: Sequence[RecipeRow], finals: Mapping[str, RecipeRow]) -> list[RecipeRow]:
    """Those whose interval contains 0: that of the final where there is one, else that of the search."""
    return [row for row in search if (finals.get(row.recipe) or row).no_effect]


def note_text(note: Note, language: Language) -> str:
    values = {name: translate(str(value), language) for name, value in note.values.items()}
    return words(language)["note"][note.key].format(**values)


def recipe_label(recipe: str, result: ImproveResult) -> str:
    """A recipe by its steps alone where there is one model; long texts cut."""
    return short(steps_of(recipe, result.models) or recipe) if len(result.models) == 1 else short(recipe)
