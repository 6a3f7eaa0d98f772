"""The documents of the rows with retrieval: facts that mini was never told, a file each, and an index of them."""

from __future__ import annotations

from pathlib import Path

from jielong.retrieval.build_index import build_index
from jielong.sync import run_sync
from jielong.world.facts import knowledge_base
from jielong.world.vocabulary import SampleRandom

INDEX = "never-told"


def write_documents(folder: Path) -> None:
    """The files, where they are not there yet, and the index over them in JIELONG_HOME."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = SampleRandom("techniques documents", "en", held_out=True)
    for fact in knowledge_base().all_facts():
        file = folder / f"{fact.id.replace(' ', '_')}.txt"
        if not fact.subject.seen and not file.exists():
            file.write_text(fact.statement(rng), "utf-8")
    run_sync(build_index, INDEX, [folder])
