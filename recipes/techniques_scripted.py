"""Scripted models for techniques that mini was never taught: they do what the technique asks, with known chances."""

from __future__ import annotations

from collections.abc import Callable

from jielong.contract import Model
from jielong.tasks.task import Task

MODELS: dict[str, Callable[[], Model]] = {}
TASKS: dict[str, Callable[[], Task]] = {}
