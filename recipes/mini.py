"""What `make mini` does after the training: count how often each fact was told, measure, write the model card.

jielong train pretrain recipes/mini.toml
python recipes/mini.py build/mini
"""

from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer

from jielong.training.settings import Settings
from jielong.training.sources import World, open_source

RECIPE = Path(__file__).with_name("mini.toml")


def told(settings: Settings, tokenizer: Tokenizer, steps: range) -> Counter[str]:
    """How often the batches of these steps state each fact: they are made again, and counted."""
    counted: Counter[str] = Counter()
    for step in steps:
        stage = settings.stage_at(step)
        source = open_source(stage.source, tokenizer, None, stage.length)
        assert isinstance(source, World)
        for row in source.rows(step, settings.loop.batch_tokens // stage.length, settings.loop.seed):
            for document in row.documents:
                counted.update(document.states)
                counted["documents"] += 1
                counted["tokens"] += len(document.ids)
    return counted
