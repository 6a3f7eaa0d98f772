"""For each law, techniques that break it: the suite fails every one of them, by that law."""

from __future__ import annotations

import pytest

from jielong.contract import Model
from laws.broken import BROKEN_TECHNIQUES
from laws.laws import BROKEN, LAWS


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("law", "technique"), BROKEN_TECHNIQUES, ids=[f"{t.__name__}-{law.__name__}" for law, t in BROKEN_TECHNIQUES]
)
async def test_the_suite_fails_what_breaks_a_law(law, technique) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BROKEN):
        await law(technique.wrap)


def test_every_law_has_a_technique_that_breaks_it() -> None:
    assert {law for law, _ in BROKEN_TECHNIQUES} == set(LAWS)


@pytest.mark.anyio
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_plain_model_keeps_every_law(law) -> None:  # type: ignore[no-untyped-def]
    def itself(model: Model) -> Model:
        return model

    await law(itself)
