"""`jielong train specialists CONFIG.toml`: a specialist for each task and one generalist, trained and compared."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..reporting.formatting import count
from ..reporting.specialists_table import specialists_lines, specialists_tables
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..scope import scope
from .messages import in_language, language, localized
from .training_options import overrides, progress_bar, training_options

if TYPE_CHECKING:
    from ..training.training_output import CurvePoint


@click.command(help=localized("help.specialists"))
@training_options
def specialists(file: Path, out: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    from ..improving.specialists import RESULT, train_specialists
    from ..improving.specialists_config import SpecialistsConfig
    from ..training.train_config import read_config

    config = read_config(file, SpecialistsConfig, overrides(out, assignments))
    with scope("train") as training_scope, ExitStack() as stack:
        printed = dict[str, None]()

        def on_training(name: str, tokens: int) -> Callable[[CurvePoint], None]:
            stack.close()  # the bar of the training before
            print(localized("train.training", name=name, tokens=count(tokens)), file=sys.stderr)
            show = stack.enter_context(progress_bar(-(-tokens // config.loop.batch_tokens), {}))

            def on_point(point: CurvePoint) -> None:
                print_notes()
                show(point)

            return on_point

        def print_notes() -> None:  # each once, though every training has the same ones
            for note in [note for note in training_scope.notes if note not in printed]:
                print(in_language(note), file=sys.stderr)
                printed[note] = None

        result = train_specialists(config, on_training)
        stack.close()
        print_notes()
    if as_json:
        print_json(result.to_json())
        return
    texts = words(language())
    for table in specialists_tables(result, texts):
        table.print()
        print()
    for line in specialists_lines(result, texts):
        print(line)
    print(localized("train.written", file=config.out / RESULT))
