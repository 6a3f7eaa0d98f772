"""Every registered technique through every law."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import reduce
from typing import Literal, get_args, get_origin

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jielong.contract import Model
from jielong.errors import SampleError
from jielong.models.scripted import Scripted
from jielong.prompts import catalogue
from jielong.recipe import find_technique
from jielong.registry import BUILT_IN
from laws.laws import LAWS, SETTINGS, TALK, mixed
from laws.refusals import REFUSALS
from laws.samples import WANTED, ask, sample, variants

VARIANTS = dict(variants())
SMALL = dict(variants(small=True))
STACKS = 1_000 if os.environ.get("JIELONG_FULL") == "1" else 40


@pytest.mark.anyio
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("technique", VARIANTS)
async def test_law(technique, law) -> None:  # type: ignore[no-untyped-def]
    await law(VARIANTS[technique])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=STACKS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(sorted(SMALL)), min_size=2, max_size=3))
def test_law_holds_for_any_stack(law, names) -> None:  # type: ignore[no-untyped-def]
    def make(model: Model) -> Model:
        return reduce(lambda inner, name: SMALL[name](inner), names, model)

    anyio.run(law, make)


def test_the_table_of_refusals_names_techniques_and_settings() -> None:
    for name, _, refused in REFUSALS:
        assert name in BUILT_IN["techniques"]
        assert refused <= SETTINGS.keys()


def test_every_technique_is_among_them() -> None:
    assert {name.partition("(")[0] for name in VARIANTS} == set(BUILT_IN["techniques"])


@pytest.mark.anyio
@pytest.mark.parametrize("name", BUILT_IN["techniques"])
async def test_the_prompts_of_a_technique_can_be_replaced(name: str) -> None:
    """With its words given as options, none of the catalogue's are sent."""
    declared = find_technique(name)
    texts = [option for option, kind in declared.hints.items() if kind == str | None]
    if not texts:
        pytest.skip("it has no words of its own, or its options are the words")
    base = Scripted(mixed)
    parameters = declared.parameters  # type: ignore[attr-defined]
    needed = [n for n, p in parameters.items() if p.default is p.empty] or WANTED.get(name, [])
    own = {option: f"MY-{option}" for option in texts}
    chosen = [
        {},
        *(
            {n: value}
            for n, p in parameters.items()
            if p.default is not p.empty
            for value in get_args(declared.hints[n])
            if get_origin(declared.hints[n]) is Literal
        ),
    ]
    for choice in chosen:
        model = declared(**{n: sample(n, declared.hints[n], base) for n in needed}, **own, **choice).wrap(base)
        for seed in range(4):
            with suppress(SampleError):
                await model.generate(ask("What is 1 + 1?", seed=seed))
            with suppress(SampleError):
                await model.generate(TALK)  # a later turn: its question may be rewritten
    sent = " ".join(message.text for request in base.requests for message in request.messages)
    for option, words in own.items():
        assert words in sent, f"{option}= was given and not sent"
    for kind, words in catalogue("en").get(name, {}).items():
        assert "{" in words or words not in sent, f"the catalogue's {kind} was sent beside the caller's own words"
