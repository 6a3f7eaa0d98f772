"""From spans to a collector: the SDK's batches, in threads of their own, over OTLP/HTTP.

A collector that is not there, or does not answer, delays nobody: what does not fit into the SDK's queue is dropped, one
line says so, and at the end of the block the wait for it is a few seconds at most.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ... import __version__
from ...errors import BadInput
from .spans import Spans

FLUSH_SECONDS = 3.0  # for what is still to be sent at the end, while the collector is silent

log = logging.getLogger("jielong.telemetry")


@contextmanager
def exporting_spans(signals: Set[str], *, texts: bool) -> Iterator[Spans]:
    """The observer whose "TRACES" and "METRICS" go out; at the end of the block the rest does, too."""
    with _warnings_once() as warnings:
        try:
            resource = _resource()
            traces = TracerProvider(resource=resource, shutdown_on_exit=False)
            readers = []
            if "TRACES" in signals:
                warnings.add(spans := OTLPSpanExporter())
                traces.add_span_processor(BatchSpanProcessor(spans))
            if "METRICS" in signals:
                warnings.add(figures := OTLPMetricExporter())
                readers.append(PeriodicExportingMetricReader(figures))
            metrics = MeterProvider(readers, resource, shutdown_on_exit=False)
        except ValueError as error:
            raise BadInput(f"telemetry: an OTEL_… variable holds what cannot be used: {error}") from None
        try:
            yield Spans(
                traces.get_tracer("jielong", __version__), metrics.get_meter("jielong", __version__), texts=texts
            )
        finally:
            warnings.ending = True
            _run_within(FLUSH_SECONDS, [traces.shutdown, metrics.shutdown])


def _resource() -> Resource:
    """This service as the environment describes it; without a name there, jielong."""
    resource = Resource.create({SERVICE_VERSION: __version__})
    has_name = not str(resource.attributes[SERVICE_NAME]).startswith("unknown_service")
    return resource if has_name else resource.merge(Resource({SERVICE_NAME: "jielong"}))


def _run_within(seconds: float, ends: Sequence[Callable[[], None]]) -> None:
    """All at once. What takes longer goes on in a daemon thread, so the process can end."""
    threads = [threading.Thread(target=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


class _WarningsOnce(logging.Handler):
    """The SDK's warnings, once for each of its parts; at the end a refused attempt is the last one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.exporters: dict[str, OTLPSpanExporter | OTLPMetricExporter] = {}
        self.reported: set[str] = set()
        self.ending = False

    def add(self, exporter: OTLPSpanExporter | OTLPMetricExporter) -> None:
        self.exporters[type(exporter).__module__] = exporter

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in self.reported:
            self.reported.add(record.name)
            # What reads OTEL_EXPORTER_OTLP_HEADERS repeats them, and they may hold a key.
            message = str(record.msg) if record.name == "opentelemetry.util.re" else record.getMessage()
            message = " ".join(message.removeprefix("Transient error ").split())
            log.warning(
                "telemetry: %s (said once; answers go on without it)", message.partition(" (Caused by")[0][:300]
            )
        if self.ending and (exporter := self.exporters.pop(record.name, None)):
            exporter.shutdown()


@contextmanager
def _warnings_once() -> Iterator[_WarningsOnce]:
    sdk, handler = logging.getLogger("opentelemetry"), _WarningsOnce()
    propagated = sdk.propagate
    sdk.addHandler(handler)
    sdk.propagate = False
    try:
        yield handler
    finally:
        sdk.removeHandler(handler)
        sdk.propagate = propagated
