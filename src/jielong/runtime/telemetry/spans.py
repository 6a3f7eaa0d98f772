"""The tree of calls as spans of OpenTelemetry, and what each call took as its metrics.

A request to the server is a SERVER span, a technique an INTERNAL one (`invoke_workflow`), a tool too (`execute_tool`),
a provider call a CLIENT one (`chat`), retries and waiting included. They are children of each other as the scopes are,
since both go by the context of the running task. An error is told by its kind; its words, like all texts, only to those
who ask for texts: endpoints repeat in them what they were sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from urllib.parse import urlsplit

from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ... import context
from ...context import current
from ...contract import Reply, Request, Usage
from ...scope import Scope
from ..ledger import with_derived_seed
from . import semantic_conventions
from .semantic_conventions import Attributes, bare, provider_and_model

SECONDS = [0.01 * 2**i for i in range(14)]
TOKENS = [4**i for i in range(14)]
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
_OPERATIONS = {"generate": "chat", "embed": "embeddings"}  # ours that the conventions have a name for
_OF_METRICS = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "server.port",
    "error.type",
)

_carried = TraceContextTextMapPropagator()


class Spans:
    """The observer of scopes and calls, and of what the server is asked. `texts`: messages are recorded, too."""

    def __init__(self, tracer: Tracer, meter: Meter, *, texts: bool) -> None:
        self._tracer, self._texts = tracer, texts
        self._about: Attributes | None = None  # of the call around; each call has a copy of this object
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=TOKENS,
        )

    @contextmanager
    def scope(self, here: Scope) -> Iterator[None]:
        if here.kind == "request":  # the server's own span is around it
            try:
                yield
            finally:
                get_current_span().set_attributes(semantic_conventions.spent_beneath(here.usage))
            return
        name, about = _named(here)
        if self._texts:
            about["jielong.name"] = here.name
        with self._span(name, SpanKind.INTERNAL, about) as span:
            try:
                yield
            finally:
                span.set_attributes(semantic_conventions.spent_beneath(here.usage))

    @contextmanager
    def call(self, model: str, request: Request, operation: str) -> Iterator[None]:
        provider, name = provider_and_model(model)
        if provider == "tool":
            about, kind = _tool(name), SpanKind.INTERNAL
        else:
            sent = with_derived_seed(request, current().path)
            about = _operation(_OPERATIONS.get(operation, operation), name) | {"gen_ai.provider.name": provider}
            about |= semantic_conventions.asked(sent, streamed=current().listener is not None)
            kind = SpanKind.CLIENT
        if self._texts:
            about |= (
                semantic_conventions.asked_texts(request)
                if kind is SpanKind.CLIENT
                else semantic_conventions.arguments(request)
            )
        began, in_call = time.perf_counter(), copy(self)
        in_call._about = about
        try:
            span = self._span(f"{about['gen_ai.operation.name']} {name}", kind, about)
            with context.replace(observer=in_call), span:
                yield
        except BaseException as error:
            about["error.type"] = _kind_of(error)
            raise
        finally:
            self._measure(about, time.perf_counter() - began)

    def _measure(self, about: Attributes, seconds: float) -> None:
        """A call answered from the ledger took nothing, and is not measured; nor is a tool, which has no tokens."""
        if about["gen_ai.operation.name"] == "execute_tool" or about.get("jielong.usage.cached_calls"):
            return
        said = {name: about[name] for name in _OF_METRICS if name in about}
        self._duration.record(seconds, said)
        for which in ("input", "output"):
            if tokens := about.get(f"gen_ai.usage.{which}_tokens"):
                assert isinstance(tokens, int)
                self._tokens.record(tokens, {**said, "gen_ai.token.type": which})

    def sends(self, url: str) -> Mapping[str, str]:
        parts = urlsplit(url)
        self._tell({"server.address": parts.hostname or "", "server.port": parts.port or _port(parts.scheme)})
        headers: dict[str, str] = {}
        _carried.inject(headers)
        return headers

    def answered(self, about: Mapping[str, object]) -> None:
        names = ("id", "model")
        self._tell({f"gen_ai.response.{name}": said for name in names if isinstance(said := about.get(name), str)})

    def replied(self, reply: Reply) -> None:
        if self._about and self._about["gen_ai.operation.name"] != "execute_tool":
            self._said([reply])
        elif self._texts:
            self._tell(semantic_conventions.result(reply))

    def charged(self, usage: Usage) -> None:
        self._tell(semantic_conventions.spent(usage))

    def failed(self, error: BaseException) -> None:
        self._fail(get_current_span(), error)

    def asked(self, model: str, request: Request, *, choices: int, streamed: bool) -> None:
        """What the server is asked, on the span of its request."""
        about = _operation("chat", bare(model)) | {"gen_ai.provider.name": "jielong"}
        about |= semantic_conventions.asked(request, streamed=streamed, choices=choices)
        if self._texts:
            about |= semantic_conventions.asked_texts(request)
        get_current_span().set_attributes(about)

    def told(self, answer: str, model: str, replies: Sequence[Reply]) -> None:
        """What the server answers."""
        get_current_span().set_attributes({"gen_ai.response.id": answer, "gen_ai.response.model": bare(model)})
        self._said(replies)

    @contextmanager
    def served(self, method: str, route: str | None, headers: Mapping[str, str]) -> Iterator[Callable[[int], None]]:
        """The span of one request to the server, in the caller's trace where it names one. Gives what ends it."""
        known = method if method in _METHODS else "_OTHER"
        about: Attributes = {"http.request.method": known, "url.scheme": "http"}
        if route:
            about |= {"http.route": route, "url.path": route}
        around = _carried.extract({name: headers.get(name, "") for name in ("traceparent", "tracestate")}, Context())

        def status(code: int) -> None:
            span.set_attribute("http.response.status_code", code)
            if code >= 500:
                span.set_attribute("error.type", str(code))
                span.set_status(Status(StatusCode.ERROR))

        name = "HTTP" if known == "_OTHER" else known
        with self._span(f"{name} {route}" if route else name, SpanKind.SERVER, about, around) as span:
            yield status

    @contextmanager
    def _span(self, name: str, kind: SpanKind, about: Attributes, around: Context | None = None) -> Iterator[Span]:
        span = self._tracer.start_span(name, around, kind, about)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                self._fail(span, error)
                raise

    def _tell(self, about: Attributes) -> None:
        """On the span of the call around, and in what its metrics say."""
        if self._about is not None:
            self._about |= about
            get_current_span().set_attributes(about)

    def _said(self, replies: Sequence[Reply]) -> None:
        about = semantic_conventions.finishes(replies)
        if self._texts:
            about |= semantic_conventions.said_texts(replies)
        get_current_span().set_attributes(about)

    def _fail(self, span: Span, error: BaseException) -> None:
        span.set_attribute("error.type", _kind_of(error))
        span.set_status(Status(StatusCode.ERROR, str(error) if self._texts else None))


def _named(here: Scope) -> tuple[str, Attributes]:
    if here.kind == "technique":
        name = here.name.partition("(")[0]
        return f"invoke_workflow {name}", {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": name}
    if here.kind == "tool":
        about = _tool(provider_and_model(here.name)[1])
        return f"execute_tool {about['gen_ai.tool.name']}", about
    return here.kind, {}


def _operation(name: str, model: str) -> Attributes:
    return {"gen_ai.operation.name": name, "gen_ai.request.model": model}


def _tool(name: str) -> Attributes:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.type": "function"}


def _kind_of(error: BaseException) -> str:
    return type(error).__name__


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
