"""A ranking from votes as tables and sentences: models with Elo points and open ranks, style weights, agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..measuring.agreement import Agreement
from ..measuring.rank_votes import RankedGroup, RankedModel, VoteRanking, elo
from ..stats import Interval
from .formatting import interval, p_value, percent, print_table
from .wording import Words

MOST_UNREAD = 3  # faults of rows that are shown


@dataclass(frozen=True)
class TextTable:
    """`left`: the columns that hold texts."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    left: tuple[int, ...] = (0,)

    def print(self) -> None:
        print_table(self.title, self.columns, self.rows, left=self.left)


def ranking_tables(ranking: VoteRanking, texts: Words) -> list[TextTable]:
    """One for each group of models that met, and one with its style weights where style is held equal."""
    tables = []
    for number, group in enumerate(ranking.groups, 1):
        tables.append(_models(group, number, len(ranking.groups), texts))
        if group.style:
            tables.append(_style(group, texts))
    return tables


def ranking_lines(ranking: VoteRanking, texts: Words) -> list[str]:
    """What the votes were, how far raters agree, and what the ranking cannot say."""
    say, outcomes = texts["ranking"], ranking.outcomes
    decided = outcomes.get("model_a", 0) + outcomes.get("model_b", 0)
    counts = {name: outcomes.get(name, 0) for name in ("tie", "both_bad", "cannot_tell")}
    lines = [
        say["votes"].format(
            decided=decided, clusters=ranking.clusters, raters=ranking.raters or say["unnamed"], **counts
        )
    ]
    if counts["both_bad"] or counts["cannot_tell"]:
        lines.append(say["not_used"])
    if ranking.replaced:
        lines.append(say["replaced"].format(n=ranking.replaced))
    if ranking.unread:
        lines.append(say["unread"].format(n=len(ranking.unread), first="; ".join(ranking.unread[:MOST_UNREAD])))
    if len(ranking.groups) > 1:
        lines.append(say["apart"].format(n=len(ranking.groups)))
    if ranking.shown_first:
        share = ranking.shown_first
        lines.append(say["shown_first"].format(share=percent(share.mean), interval=interval(share.ci95) or "–"))
    return lines + [_agreement(statistic, texts) for statistic in ranking.agreement]


def _models(group: RankedGroup, number: int, groups: int, texts: Words) -> TextTable:
    say = texts["ranking"]
    title = say["title"] if groups == 1 else say["title_of_group"].format(number=number)
    columns = tuple(say[f"column_{name}"] for name in ("model", "elo", "interval", "rank", "wins", "ties", "losses"))
    return TextTable(title, columns, [_row(model) for model in group.models])


def _row(model: RankedModel) -> list[str]:
    rank = "–" if model.rank is None else "–".join(map(str, dict.fromkeys(model.rank)))
    return [
        model.model,
        _rating(model),
        _elo_interval(model.ci95),
        rank,
        *map(str, (model.wins, model.ties, model.losses)),
    ]


def _rating(model: RankedModel) -> str:
    if (points := elo(model.rating)) is not None:
        return f"{points:.0f}"
    if (bound := elo(model.bound)) is not None:
        return f"{'≥' if model.place == 'above' else '≤'} {bound:.0f}"
    return {"above": "∞", "below": "-∞"}.get(model.place, "–")


def _elo_interval(ci95: Interval | None) -> str:
    return "–" if ci95 is None else "[" + ", ".join(f"{elo(end):.0f}" for end in ci95) + "]"


def _style(group: RankedGroup, texts: Words) -> TextTable:
    say = texts["ranking"]
    rows = []
    for effect in group.style:
        p = "–" if effect.p is None else p_value(effect.p)
        rows.append([say[f"style_{effect.term}"], f"{effect.coefficient:+.2f}", _log_odds(effect.ci95), p])
    columns = tuple(say[f"column_{name}"] for name in ("style", "weight", "interval", "p"))
    return TextTable(say["style_title"], columns, rows)


def _log_odds(ci95: Interval | None) -> str:
    return "–" if ci95 is None else f"[{ci95[0]:+.2f}, {ci95[1]:+.2f}]"


def _agreement(statistic: Agreement, texts: Words) -> str:
    say = texts["ranking"]
    name = say[statistic.statistic]
    if statistic.value is None:
        return say["no_agreement"].format(name=name, n=statistic.items, raters=statistic.raters)
    ends: Sequence[str] = [f"{end:.2f}" for end in statistic.ci95 or ()]
    return say["agreement"].format(
        name=name, value=f"{statistic.value:.2f}", interval=f"[{', '.join(ends)}]" if ends else "–",
        observed=percent(statistic.observed), n=statistic.items, raters=statistic.raters,
    )  # fmt: skip
