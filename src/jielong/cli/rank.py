"""`jielong rank VOTES`: ratings of models from votes, with intervals, style terms and the agreement of raters."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import BadInput
from ..measuring.rank_votes import rank_votes
from ..measuring.reply_style import STYLE_TERMS
from ..measuring.votes import read_votes
from ..registry import unknown_name
from ..reporting.ranking_table import ranking_lines, ranking_tables
from ..reporting.terminal import print_json
from ..reporting.wording import words
from . import options
from .messages import in_language, language, localized


@click.command(help=localized("help.rank"))
@click.argument("files", nargs=-1, required=True, metavar="VOTES...", type=click.Path(path_type=Path))
@click.option("--style", metavar="TERMS", help=localized("option.style", terms=", ".join(STYLE_TERMS)))
@click.option("--cluster", metavar="COL", help=localized("option.cluster"))
@options.as_json
def rank(files: tuple[Path, ...], style: str | None, cluster: str | None, as_json: bool) -> None:
    ranking = rank_votes(read_votes(files, cluster), _terms(style))
    if as_json:
        print_json(ranking.to_json())
        return
    texts = words(language())
    for table in ranking_tables(ranking, texts):
        table.print()
        print()
    for line in ranking_lines(ranking, texts):
        print(line)
    for note in ranking.notes:
        print(in_language(note))


def _terms(style: str | None) -> tuple[str, ...]:
    if style is None:
        return ()
    terms = STYLE_TERMS if style.strip() == "all" else tuple(term.strip() for term in style.split(",") if term.strip())
    for term in terms:
        if term not in STYLE_TERMS:
            raise unknown_name("style term", term, ("all", *STYLE_TERMS))
    if not terms:
        raise BadInput(f"--style names no term; known: all, {', '.join(STYLE_TERMS)}")
    return tuple(dict.fromkeys(terms))
