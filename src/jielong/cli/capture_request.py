"""The first request that a recipe makes of its model, captured before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from ..contract import Model, Request
from ..errors import BadInput
from ..recipe import build, parse


class _Captured(BaseException):  # no fault of a sample, which is what an Exception would be
    def __init__(self, request: Request) -> None:
        self.request = request


@dataclass(frozen=True)
class _CapturingModel(Model):
    """Stands where the model would; spends nothing."""

    name: str = "shown"

    async def generate(self, request: Request) -> NoReturn:
        raise _Captured(request)


async def capture_first_request(recipe: str, request: Request) -> tuple[Request, int]:
    """The first request that `recipe` makes of its model for `request`, and the most calls that it may make."""
    model = build(parse(recipe), _CapturingModel())
    try:
        await model.generate(request)
    except _Captured as captured:
        return captured.request, model.max_calls()
    raise BadInput("this recipe asks no model")
