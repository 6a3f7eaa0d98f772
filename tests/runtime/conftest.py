"""What the tests of the runtime share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether to run the full counts (JIELONG_FULL=1) instead of the quick ones."""
    return os.environ.get("JIELONG_FULL") == "1"
