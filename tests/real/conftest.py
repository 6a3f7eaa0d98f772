"""The real data lies in `shared/data` beside the checkout; without it these tests are skipped."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the real data is not beside the checkout")
    return DATA
