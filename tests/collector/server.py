"""The collector. `spans` are what came in, `trees` hangs each below its parent, `points` are those of the metrics."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from loopback import Loopback

Value = str | bool | int | float | list[Any] | None


@dataclass
class Seen:
    """One span as it came."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Value]
    failed: bool
    message: str
    service: str
    scope: str
    children: list[Seen] = field(default_factory=list)

    def shape(self) -> Any:
        """Names alone, with those beneath."""
        return (self.name, sorted(child.shape() for child in self.children)) if self.children else (self.name, [])

    def all(self) -> list[Seen]:
        return [self, *(below for child in self.children for below in child.all())]


class Collector(Loopback):
    """`with Collector() as collector: collector.url`; with `release` it answers nothing before that is set."""

    def __init__(self, release: threading.Event | None = None) -> None:
        self.release, self.waiting = release, 0
        self.raw: list[bytes] = []
        self.spans: list[Seen] = []
        self.points: dict[str, list[Any]] = {}
        self._more = threading.Condition()

    async def start(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/traces", self._traces)
        app.router.add_post("/v1/metrics", self._metrics)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def _traces(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = ExportTraceServiceRequest.FromString(body)
        with self._more:
            self.raw.append(body)
            for resource in said.resource_spans:
                service = _plain(resource.resource.attributes)["service.name"]
                for scope in resource.scope_spans:
                    self.spans += [_seen(span, str(service), scope.scope.name) for span in scope.spans]
            self._more.notify_all()
        return await self._answer()

    async def _answer(self) -> web.Response:
        if self.release:
            with self._more:
                self.waiting += 1
                self._more.notify_all()
            await asyncio.to_thread(self.release.wait)
        return web.Response()

    async def _metrics(self, request: web.Request) -> web.Response:
        body = await request.read()
        said = ExportMetricsServiceRequest.FromString(body)
        with self._more:
            self.raw.append(body)
            for resource in said.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        self.points[metric.name] = [
                            {**_plain(p.attributes), "sum": p.sum, "count": p.count, "bounds": list(p.explicit_bounds)}
                            for p in metric.histogram.data_points
                        ]
            self._more.notify_all()
        return await self._answer()

    def wait(self, holds: Callable[[Collector], Any]) -> Any:
        """Until this holds of what came in; what it gives."""
        with self._more:
            assert self._more.wait_for(lambda: holds(self), 60), [span.name for span in self.spans]
            return holds(self)

    def trees(self) -> list[Seen]:
        """What has no parent here, each with all that hangs below it."""
        by_id = {span.id: span for span in self.spans}
        for span in self.spans:
            span.children = [child for child in self.spans if child.parent == span.id]
        return [span for span in self.spans if span.parent not in by_id]


def _seen(span: Span, service: str, scope: str) -> Seen:
    return Seen(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_plain(span.attributes),
        failed=span.status.code == Status.STATUS_CODE_ERROR,
        message=span.status.message,
        service=service,
        scope=scope,
    )


def _plain(attributes: Any) -> dict[str, Value]:
    return {each.key: _value(each.value) for each in attributes}


def _value(value: Any) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
