"""The tree of calls as spans of OpenTelemetry, and what each call took as its metrics.

A request to the server is a SERVER span, a technique an INTERNAL one (`invoke_workflow`), a tool too (`execute_tool`),
a provider call a CLIENT one (`chat`), retries and waiting included. They are children of each other as the scopes are,
since both go by the context of the running task. An error is recorded by its type alone; its message, like all texts,
only where texts are asked for, as endpoints repeat in it what they were sent.
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

from ... import call_context
from ...call_context import current
from ...contract import Reply, Request, Usage
from ...scope import Scope
from ..ledger import with_derived_seed
from . import semantic_conventions
from .semantic_conventions import Attributes, bare, provider_and_model

SECONDS = [0.01 * 2**i for i in range(14)]
TOKENS = [4**i for i in range(14)]
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
_OPERATIONS = {"generate": "chat", "embed": "embeddings"}  # ours that the conventions have a name for
_METRIC_ATTRIBUTES = "gen_ai.operation.name gen_ai.provider.name gen_ai.request.model gen_ai.response.model".split()
_METRIC_ATTRIBUTES += ["server.address", "server.port", "error.type"]

_propagator = TraceContextTextMapPropagator()


class Spans:
    """The observer of scopes and calls, and of requests to the server. `texts`: messages are recorded, too."""

    def __init__(self, tracer: Tracer, meter: Meter, *, texts: bool) -> None:
        self._tracer, self._texts = tracer, texts
        self._call_attributes: Attributes | None = None  # of the call around; each call has a copy of this object
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
    def scope(self, scope: Scope) -> Iterator[None]:
        if scope.kind == "request":  # the server's own span is around it
            try:
                yield
            finally:
                get_current_span().set_attributes(semantic_conventions.scope_usage(scope.usage))
            return
        name, attributes = _span_of(scope)
        if self._texts:
            attributes["jielong.name"] = scope.name
        with self._span(name, SpanKind.INTERNAL, attributes) as span:
            try:
                yield
            finally:
                span.set_attributes(semantic_conventions.scope_usage(scope.usage))

    @contextmanager
    def call(self, model: str, request: Request, operation: str) -> Iterator[None]:
        provider, name = provider_and_model(model)
        if provider == "tool":
            attributes, kind = _tool(name), SpanKind.INTERNAL
            texts: Attributes = {"gen_ai.tool.call.arguments": request.messages[-1].text}
        else:
            sample = with_derived_seed(request, current().path)
            attributes = _operation(_OPERATIONS.get(operation, operation), name) | {"gen_ai.provider.name": provider}
            attributes |= semantic_conventions.request_attributes(sample, streamed=current().listener is not None)
            kind, texts = SpanKind.CLIENT, semantic_conventions.request_texts(request) if self._texts else {}
        if self._texts:
            attributes |= texts
        started, in_call = time.perf_counter(), copy(self)
        in_call._call_attributes = attributes
        try:
            span = self._span(f"{attributes['gen_ai.operation.name']} {name}", kind, attributes)
            with call_context.replace(observer=in_call), span:
                yield
        except BaseException as error:
            attributes["error.type"] = _error_type(error)
            raise
        finally:
            self._measure(attributes, time.perf_counter() - started)

    def _measure(self, attributes: Attributes, seconds: float) -> None:
        """A call answered from the ledger took nothing, and is not measured; nor is a tool, which has no tokens."""
        if attributes["gen_ai.operation.name"] == "execute_tool" or attributes.get("jielong.usage.cached_calls"):
            return
        labels = {name: attributes[name] for name in _METRIC_ATTRIBUTES if name in attributes}
        self._duration.record(seconds, labels)
        for direction in ("input", "output"):
            if tokens := attributes.get(f"gen_ai.usage.{direction}_tokens"):
                assert isinstance(tokens, int)
                self._tokens.record(tokens, {**labels, "gen_ai.token.type": direction})

    def sends(self, url: str) -> Mapping[str, str]:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._record({"server.address": parts.hostname or "", "server.port": port})
        headers: dict[str, str] = {}
        _propagator.inject(headers)
        return headers

    def answered(self, details: Mapping[str, object]) -> None:
        texts = {name: value for name in ("id", "model") if isinstance(value := details.get(name), str)}
        self._record({f"gen_ai.response.{name}": value for name, value in texts.items()})

    def replied(self, reply: Reply) -> None:
        if self._call_attributes and self._call_attributes["gen_ai.operation.name"] != "execute_tool":
            self._record_replies([reply])
        elif self._texts:
            self._record({"gen_ai.tool.call.result": reply.text})

    def charged(self, usage: Usage) -> None:
        self._record(semantic_conventions.call_usage(usage))

    def failed(self, error: BaseException) -> None:
        self._fail(get_current_span(), error)

    def record_request(self, model: str, request: Request, *, choices: int, streamed: bool) -> None:
        """A request to the server, on its span."""
        attributes = _operation("chat", bare(model)) | {"gen_ai.provider.name": "jielong"}
        attributes |= semantic_conventions.request_attributes(request, streamed=streamed, choices=choices)
        if self._texts:
            attributes |= semantic_conventions.request_texts(request)
        get_current_span().set_attributes(attributes)

    def record_response(self, answer: str, model: str, replies: Sequence[Reply]) -> None:
        """The response of the server, on the span of its request."""
        get_current_span().set_attributes({"gen_ai.response.id": answer, "gen_ai.response.model": bare(model)})
        self._record_replies(replies)

    @contextmanager
    def served(self, method: str, route: str | None, headers: Mapping[str, str]) -> Iterator[Callable[[int], None]]:
        """The span of one request to the server, in the caller's trace where it names one. Gives what ends it."""
        known_method = method if method in _METHODS else "_OTHER"
        attributes: Attributes = {"http.request.method": known_method, "url.scheme": "http"}
        if route:
            attributes |= {"http.route": route, "url.path": route}
        around = _propagator.extract({name: headers.get(name, "") for name in ("traceparent", "tracestate")}, Context())

        def status(code: int) -> None:
            span.set_attribute("http.response.status_code", code)
            if code >= 500:
                span.set_attribute("error.type", str(code))
                span.set_status(Status(StatusCode.ERROR))

        name = "HTTP" if known_method == "_OTHER" else known_method
        with self._span(f"{name} {route}" if route else name, SpanKind.SERVER, attributes, around) as span:
            yield status

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: Attributes, around: Context | None = None) -> Iterator[Span]:
        span = self._tracer.start_span(name, around, kind, attributes)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except BaseException as error:
                self._fail(span, error)
                raise

    def _record(self, attributes: Attributes) -> None:
        """On the span of the call around, and in what its metrics say."""
        if self._call_attributes is not None:
            self._call_attributes |= attributes
            get_current_span().set_attributes(attributes)

    def _record_replies(self, replies: Sequence[Reply]) -> None:
        attributes = semantic_conventions.finishes(replies)
        if self._texts:
            attributes |= semantic_conventions.reply_texts(replies)
        get_current_span().set_attributes(attributes)

    def _fail(self, span: Span, error: BaseException) -> None:
        span.set_attribute("error.type", _error_type(error))
        span.set_status(Status(StatusCode.ERROR, str(error) if self._texts else None))


def _span_of(scope: Scope) -> tuple[str, Attributes]:
    if scope.kind == "technique":
        name = scope.name.partition("(")[0]
        return f"invoke_workflow {name}", {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": name}
    if scope.kind == "tool":
        attributes = _tool(provider_and_model(scope.name)[1])
        return f"execute_tool {attributes['gen_ai.tool.name']}", attributes
    return scope.kind, {}


def _operation(name: str, model: str) -> Attributes:
    return {"gen_ai.operation.name": name, "gen_ai.request.model": model}


def _tool(name: str) -> Attributes:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.type": "function"}


def _error_type(error: BaseException) -> str:
    return type(error).__name__
