"""`jielong contamination TASK`: which items a corpus holds (`--corpus`), and whether a model has read them (`-m`).

What is found is kept, and `jielong eval` shows it beside the scores of the task.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from ..errors import BadInput
from ..measuring.contamination_record import keep_corpus, keep_model
from ..measuring.corpus_search import CorpusSearch, search_corpus
from ..measuring.model_contamination import ModelSearch, search_model
from ..recipe import load
from ..reporting.contamination_table import corpus_lines, corpus_tables, model_lines, model_table
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..sync import run_sync
from ..tasks.load_task import load_task
from . import options
from .messages import in_language, language, localized


@click.command(help=localized("help.contamination"))
@click.argument("task", metavar="TASK")
@click.option("--corpus", "corpora", multiple=True, metavar="PATH", type=click.Path(path_type=Path),
              help=localized("option.corpus"))  # fmt: skip
@click.option("-m", "--model", metavar="RECIPE", help=localized("option.contaminated_model"))
@click.option("--reference", metavar="TASK", help=localized("option.reference"))
@click.option("--input", metavar="COL", help=localized("option.input"))
@click.option("--answer", metavar="COL", help=localized("option.answer"))
@click.option("--limit", type=click.IntRange(1), help=localized("option.first_items"))
@click.option("--seed", type=int, default=0, show_default=True, help=localized("option.seed"))
@options.as_json
def contamination(
    task: str, corpora: tuple[Path, ...], model: str | None, reference: str | None, input: str | None,
    answer: str | None, limit: int | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    if not (corpora or model):
        raise BadInput("--corpus PATH names texts to search, -m RECIPE a model to test; expected one of them or both")
    items = load_task(task, input=input, answer=answer)
    document: dict[str, Any] = {"task": items.name, "task_sha256": items.sha256}
    if corpora:
        search = search_corpus(items, corpora)
        keep_corpus(search)
        document["corpus"] = search.to_json()
        if not as_json:
            _print_corpus(search)
    if model:
        other = load_task(reference, input=input, answer=answer) if reference else None
        found = run_sync(partial(search_model, items.first(limit), load(model), other, seed=seed))
        keep_model(found)
        document["model"] = found.to_json()
        if not as_json:
            _print_model(found)
    if as_json:
        print_json(document)


def _print_corpus(search: CorpusSearch) -> None:
    texts = words(language())
    for table in corpus_tables(search, texts):
        table.print()
        print()
    print(*corpus_lines(search, texts), *map(in_language, search.notes), sep="\n")


def _print_model(search: ModelSearch) -> None:
    texts = words(language())
    table = model_table(search, texts)
    if table.rows:
        table.print()
        print()
    print(*model_lines(search, texts), sep="\n")
