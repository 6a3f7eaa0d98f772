"""From spans to a collector: the SDK's batches, in threads of their own, over OTLP/HTTP.

A collector that is not there, or does not answer, takes nothing from anybody: what does not fit into the SDK's queue is
dropped, it is said once, and the end does not wait for it longer than a few seconds.
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

LAST_SECONDS = 3.0  # for what is still to be sent at the end, while the collector is silent

log = logging.getLogger("jielong.telemetry")


@contextmanager
def exporting_spans(signals: Set[str], *, texts: bool) -> Iterator[Spans]:
    """The observer whose "TRACES" and "METRICS" go out; at the end of the block the rest does, too."""
    with _complaints() as complaints:
        try:
            resource = _resource()
            traces = TracerProvider(resource=resource, shutdown_on_exit=False)
            readers = []
            if "TRACES" in signals:
                complaints.of(spans := OTLPSpanExporter())
                traces.add_span_processor(BatchSpanProcessor(spans))
            if "METRICS" in signals:
                complaints.of(figures := OTLPMetricExporter())
                readers.append(PeriodicExportingMetricReader(figures))
            metrics = MeterProvider(readers, resource, shutdown_on_exit=False)
        except ValueError as error:
            raise BadInput(f"telemetry: an OTEL_… variable holds what cannot be used: {error}") from None
        try:
            yield Spans(
                traces.get_tracer("jielong", __version__), metrics.get_meter("jielong", __version__), texts=texts
            )
        finally:
            complaints.ending = True
            _within(LAST_SECONDS, [traces.shutdown, metrics.shutdown])


def _resource() -> Resource:
    """What the environment says of this service; if it gives no name, ours."""
    said = Resource.create({SERVICE_VERSION: __version__})
    named = not str(said.attributes[SERVICE_NAME]).startswith("unknown_service")
    return said if named else said.merge(Resource({SERVICE_NAME: "jielong"}))


def _within(seconds: float, ends: Sequence[Callable[[], None]]) -> None:
    """All at once. What takes longer goes on in its thread, which does not hold up the end of the process."""
    threads = [threading.Thread(target=end, daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


class _Complaints(logging.Handler):
    """What the SDK complains of, once for each of its parts; at the end a refused attempt is the last one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.exporters: dict[str, OTLPSpanExporter | OTLPMetricExporter] = {}
        self.told: set[str] = set()
        self.ending = False

    def of(self, exporter: OTLPSpanExporter | OTLPMetricExporter) -> None:
        self.exporters[type(exporter).__module__] = exporter

    def emit(self, record: logging.LogRecord) -> None:
        if record.name not in self.told:
            self.told.add(record.name)
            # What reads OTEL_EXPORTER_OTLP_HEADERS repeats them, and they may hold a key.
            said = str(record.msg) if record.name == "opentelemetry.util.re" else record.getMessage()
            words = " ".join(said.removeprefix("Transient error ").split())
            log.warning("telemetry: %s (said once; answers go on without it)", words.partition(" (Caused by")[0][:300])
        if self.ending and (exporter := self.exporters.pop(record.name, None)):
            exporter.shutdown()


@contextmanager
def _complaints() -> Iterator[_Complaints]:
    sdk, handler = logging.getLogger("opentelemetry"), _Complaints()
    before = sdk.propagate
    sdk.addHandler(handler)
    sdk.propagate = False
    try:
        yield handler
    finally:
        sdk.removeHandler(handler)
        sdk.propagate = before
