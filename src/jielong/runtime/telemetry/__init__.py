"""Telemetry by OpenTelemetry, where its standard variables name a collector; otherwise nothing is imported or sent.

`OTEL_EXPORTER_OTLP_ENDPOINT` (or that of traces or metrics alone) switches it on, `OTEL_SDK_DISABLED` off again; the
other variables of the SDK and of its OTLP/HTTP exporter hold as they are documented there. The provider is our own: the
application around, if there is one, keeps its own. A collector that is not there costs one line and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from ... import call_context
from ...errors import BadInput, MissingExtra

if TYPE_CHECKING:
    from .spans import Spans

_PROTOCOL = "http/protobuf"
_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def spans() -> Spans | None:
    """The observer of this call, if telemetry is on."""
    return cast("Spans | None", call_context.current().observer)


@contextmanager
def telemetry() -> Iterator[None]:
    """Inside, every scope and provider call goes to the collector that the environment names, if it names one.

    Raises: BadInput for a value that cannot be used, MissingExtra without the extra `otel`.
    """
    signals = {signal: name for signal in ("TRACES", "METRICS") if (name := _requested_by(signal))}
    if not signals or call_context.current().observer:
        yield
        return
    try:
        from .otlp_export import exporting_spans
    except ImportError:
        name = next(iter(signals.values()))
        raise MissingExtra(f"telemetry ({name} is set; OTEL_SDK_DISABLED=true leaves it out)", "otel") from None
    texts = _variable(_CAPTURE).lower() in ("true", "span_only", "span_and_event")
    with exporting_spans(signals.keys(), texts=texts) as observer, call_context.replace(observer=observer):
        yield


def _requested_by(signal: str) -> str | None:
    """The variable that asks for traces or metrics to be sent. Raises BadInput for what only other exporters can do."""
    if _variable("OTEL_SDK_DISABLED").lower() == "true":
        return None
    choice = f"OTEL_{signal}_EXPORTER"
    exporter = _variable(choice)
    if exporter not in ("", "otlp", "none"):
        raise BadInput(f"{choice} is {exporter!r}; expected otlp or none")
    names = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
    endpoint_name = next(filter(_variable, names), None)
    if exporter == "none" or not (endpoint_name or exporter):
        return None
    if endpoint_name and not _variable(endpoint_name).startswith(("http://", "https://")):
        raise BadInput(f"{endpoint_name} is {_variable(endpoint_name)!r}; expected a URL such as http://127.0.0.1:4318")
    names = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
    name = next(filter(_variable, names), None)
    if name and _variable(name) != _PROTOCOL:
        raise BadInput(f"{name} is {_variable(name)!r}; expected {_PROTOCOL}, at port 4318 of most collectors")
    return endpoint_name or choice


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()
