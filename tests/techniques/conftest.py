"""What the tests of techniques share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jielong.contract import Message, Request, Sampling


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def asked() -> Callable[..., Request]:
    def build(text: str = "How many?", **sampling: Any) -> Request:
        return Request((Message("user", text),), Sampling(**{"seed": 1, **sampling}))

    return build
