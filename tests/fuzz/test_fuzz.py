"""A short round of `benchmarks/fuzz.py`: every reader of foreign text, the same mutated texts on every run."""

import os

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fuzz.foreign_readers import READERS, check

EXAMPLES = 2_000 if os.environ.get("JIELONG_FULL") == "1" else 25


@pytest.mark.parametrize("name", READERS)
def test_only_errors_of_the_tree_come_out_of_a_reader(name: str) -> None:
    @settings(max_examples=EXAMPLES, database=None, phases=(Phase.generate,))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        check(name, data.draw(READERS[name][0]))

    run()
