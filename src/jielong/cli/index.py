"""`jielong index`: build an index over folders, search it, show what it holds."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from ..measuring.cost_forecast import BudgetLimits
from ..reporting.formatting import count, print_table
from ..reporting.terminal import print_json
from ..retrieval.build_index import BuildResult, build_index
from ..retrieval.index import Index, index_names
from ..retrieval.index_facts import IndexFacts, index_facts
from ..retrieval.retriever import Hit
from ..runtime.home import home_folder
from ..runtime.ledger import use_ledger
from ..sync import run_sync
from . import options
from .budget_options import budget_limits
from .messages import in_language, localized
from .progress import Progress

SHOWN = 300  # characters of a hit
SHOWN_FILES = 20  # that were set aside


@click.group(help=localized("help.index"))
def index() -> None:
    pass


@index.command(help=localized("help.index_build"))
@click.argument("places", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option("--out", "name", required=True, metavar="NAME", help=localized("option.index_name"))
@click.option("--embedder", metavar="NAME", help=localized("option.embedder"))
@budget_limits
@options.as_json
def build(places: tuple[Path, ...], name: str, embedder: str | None, limits: BudgetLimits, as_json: bool) -> None:
    with use_ledger(home_folder() / "ledger.db"), limits.around_calls(), Progress() as progress:
        result = run_sync(partial(build_index, name, places, embedder, progress.of))
    with closing(Index(name)) as built:
        facts = index_facts(built)
    if as_json:
        print_json({**asdict(facts), "build": asdict(result)})
        return
    print(_built(result), _summary(facts), sep="\n")
    _print_unreadable(facts)


@index.command(help=localized("help.index_search"))
@click.argument("name")
@click.argument("query", nargs=-1, required=True)
@click.option("-k", type=click.IntRange(1, 1000), default=5, show_default=True, help=localized("option.index_k"))
@click.option("--path", metavar="PATTERN", help=localized("option.index_path"))
@click.option("--language", metavar="CODE", help=localized("option.index_language"))
@options.as_json
def search(name: str, query: tuple[str, ...], k: int, path: str | None, language: str | None, as_json: bool) -> None:
    with use_ledger(home_folder() / "ledger.db"), closing(Index(name)) as opened:
        hits = run_sync(partial(opened.search, " ".join(query), k, path=path, language=language))
    if as_json:
        print_json([{"score": hit.score, **asdict(hit.chunk)} for hit in hits])
        return
    for number, hit in enumerate(hits, 1):
        print(f"{number}. {_place(hit)}", _beginning(hit.chunk.text), "", sep="\n")
    if not hits:
        print(localized("index.nothing"), file=sys.stderr)


@index.command(help=localized("help.index_show"))
@click.argument("name", required=False)
@options.as_json
def show(name: str | None, as_json: bool) -> None:
    facts = []
    for each in [name] if name else index_names():
        with closing(Index(each)) as opened:
            facts.append(index_facts(opened))
    if as_json:
        print_json(asdict(facts[0]) if name else [asdict(each) for each in facts])
    elif name:
        print(_summary(facts[0]))
        rows = [[lang or localized("unknown"), count(n)] for lang, n in facts[0].languages.items()]
        print_table("", [localized("index.language"), localized("index.chunks")], rows)
        _print_unreadable(facts[0])
    else:
        columns = [localized(f"index.{name}") for name in ("name", "files", "chunks", "embedder", "bytes")]
        print_table("", columns, [[f.name, count(f.files), count(f.chunks), f.embedder, count(f.bytes)] for f in facts])


def _built(result: BuildResult) -> str:
    return localized(
        "index.built", added=result.added, changed=result.changed, removed=result.removed,
        unchanged=result.unchanged, embedded=result.embedded,
    )  # fmt: skip


def _summary(facts: IndexFacts) -> str:
    line = localized(
        "index.holds", name=facts.name, files=facts.files, chunks=facts.chunks, embedder=facts.embedder,
        bytes=count(facts.bytes),
    )  # fmt: skip
    return line if facts.complete else f"{line}\n{localized('index.incomplete')}"


def _print_unreadable(facts: IndexFacts) -> None:
    if not facts.unreadable:
        return
    print(localized("index.unreadable", files=len(facts.unreadable)))
    for name, reason in list(facts.unreadable.items())[:SHOWN_FILES]:
        print(f"  {name}: {in_language(reason)}")
    if len(facts.unreadable) > SHOWN_FILES:
        print(localized("index.more", files=len(facts.unreadable) - SHOWN_FILES))


def _place(hit: Hit) -> str:
    chunk = hit.chunk
    place = ""
    if chunk.page is not None:
        place = localized("index.page", page=chunk.page)
    elif chunk.line is not None:
        place = localized("index.line", line=chunk.line)
    return "  ".join(filter(None, (chunk.document, place, " > ".join(chunk.headings), f"{hit.score:.2f}")))


def _beginning(text: str) -> str:
    text = " ".join(text.split())
    return "   " + (text if len(text) <= SHOWN else text[:SHOWN] + "…")
