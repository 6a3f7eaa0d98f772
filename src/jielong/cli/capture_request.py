"""What a recipe asks its model first, without asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from ..contract import Model, Request
from ..errors import BadInput
from ..recipe import build, parse


class _Seen(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


@dataclass(frozen=True)
class _Mirror(Model):
    """Stands where the model would: keeps what it is asked and asks nobody."""

    name: str = "shown"

    async def generate(self, request: Request) -> NoReturn:
        raise _Seen(request)


async def capture_first_request(recipe: str, request: Request) -> tuple[Request, int]:
    """The first request that `recipe` makes of its model for this one, and the most calls that it may take."""
    model = build(parse(recipe), _Mirror())
    try:
        await model.generate(request)
    except _Seen as seen:
        return seen.request, model.max_calls()
    raise BadInput("this recipe asks no model")
