"""The file of the route that docs/techniques.md measures: fitted on other questions than those it is measured on."""

from pathlib import Path

from techniques_experts import ITEMS, MODELS, subjects

from jielong.atomic_write import write_whole
from jielong.improving.model_choice import Fitting, choose_by_route
from jielong.sync import run_sync


def write_route(file: Path) -> None:
    """Over the generalist and the experts, with questions that are not those of the table."""
    fitting = Fitting(ledger=file.with_suffix(".ledger.db"))
    models = [load() for load in MODELS.values()]
    file.parent.mkdir(parents=True, exist_ok=True)
    _, fitted = run_sync(choose_by_route, subjects(first=ITEMS), models, file, fitting, "wordllama")
    write_whole(file, fitted.file.model_dump_json() + "\n")
