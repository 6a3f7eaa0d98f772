"""Chat templates as transformers renders them. One that came with a checkpoint is a program of somebody else: it can
loop, and multiply a text until memory ends. So it is compiled and rendered in a process that is killed when it does
(Jinja's sandbox bounds neither); mini's own runs here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.ext import Extension
from jinja2.nodes import Node, Output, TemplateData
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..errors import WorkStopped
from ..killable_worker import KillableWorker
from ..runtime.runtime import active_runtime

RENDERER = "jielong.models.template_rendering:renderer"
MARKS = "\ufdd0\ufdd1"  # stand around what an assistant wrote, where that is asked for: characters of no text
LONGEST = 200_000  # characters; real ones have up to 30,000
SECONDS, MEMORY = 5.0, 1 << 30  # of all renderings of one request or document; bytes of address space

Variables = Mapping[str, Any]


class TemplateRefused(Exception):
    """A template cannot be read, refuses the messages, or was stopped; the message says which."""


class ChatTemplateSource:
    """`trusted`: it comes with this program. Raises TemplateRefused for what is no template."""

    def __init__(self, source: str, *, trusted: bool = False) -> None:
        self.source, self.trusted = source, trusted
        if trusted:
            return
        if len(source) > LONGEST:
            raise TemplateRefused(f"it has {len(source):,} characters; expected at most {LONGEST:,}")
        try:
            _environment().parse(source)  # without computing anything in it
        except Exception as error:  # Python's own are among them, as of an integer of too many digits
            raise TemplateRefused(str(error)[:300]) from None

    def render(self, *variables: Variables, marked: bool = False) -> Sequence[str]:
        """A text for each set of variables; if `marked`, with MARKS around each `{% generation %}` block.

        Blocks; raises TemplateRefused.
        """
        try:
            if self.trusted:
                return _rendered(self.source, marked, *variables)
            worker = active_runtime().get(KillableWorker, RENDERER, SECONDS, MEMORY)
            texts: list[str] = worker.run(self.source, marked, *variables)
            return texts
        except WorkStopped as stopped:
            raise TemplateRefused(str(stopped).removeprefix("TemplateError: ")) from None
        except Exception as error:  # a template is a program of its own and may fail like one
            raise TemplateRefused(str(error)) from None


def renderer() -> Callable[..., list[str]]:
    """What renders in the process of its own."""
    return _rendered


def _rendered(source: str, marked: bool, *variables: Variables) -> list[str]:
    template = _compiled(source, marked)
    return [template.render(each) for each in variables]


@lru_cache(maxsize=32)
def _compiled(source: str, marked: bool) -> Template:
    environment = _environment()
    environment.extend(marks_generation=marked)
    return environment.from_string(source)


class _GenerationBlock(Extension):
    """`{% generation %}` stands around what an assistant wrote, for training; it changes no text."""

    tags = {"generation"}  # noqa: RUF012  # as Jinja declares it

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        block = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        if not getattr(self.environment, "marks_generation", False):
            return block
        # Written into the text, and not counted from its start: so they hold in macros and in what is trimmed, too.
        first, last = (Output([TemplateData(mark)]) for mark in MARKS)
        return [first, *block, last]


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _environment() -> ImmutableSandboxedEnvironment:
    """Jinja as transformers sets it up for chat templates."""

    def refuse(message: str) -> NoReturn:
        raise TemplateError(message)

    extensions: list[str | type[Extension]] = ["jinja2.ext.loopcontrols", _GenerationBlock]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    environment.filters["tojson"] = _to_json
    return environment
