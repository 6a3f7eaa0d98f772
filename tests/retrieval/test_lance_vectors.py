"""LanceDB beside the array: it proposes, the array decides, and what it does not have yet is found all the same."""

from pathlib import Path

import numpy as np
import pytest

from jielong.retrieval import lance_vectors
from jielong.retrieval.lance_vectors import LanceVectors, table_folder, update_table
from jielong.retrieval.vector_file import VectorFile, unit


def test_the_nearest_are_those_of_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("lancedb")
    vectors = unit(np.random.default_rng(0).normal(size=(1200, 16)).astype(np.float32))
    array = VectorFile(tmp_path / "vectors-1.f32", 16)
    array.write(0, vectors)
    update_table(array, 1000)
    assert not table_folder(array.file).exists()  # too few to need one
    monkeypatch.setattr(lance_vectors, "MANY", 500)
    update_table(array, 1000)
    update_table(array, 1000)  # nothing new
    lance = LanceVectors(array.file, 16)
    for row in (7, 1100):  # one that it has, one that came later
        query = vectors[row] + 0.1
        rows, cosines = lance.nearest(query, 1200, 10)
        expected = np.argsort(-(vectors @ query))[:10]
        assert rows.tolist() == expected.tolist()
        assert np.allclose(cosines, (vectors @ query)[expected], atol=1e-5)
