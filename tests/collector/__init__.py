"""An OTLP/HTTP collector on loopback: it keeps what it is sent, read by OpenTelemetry's own protobuf classes."""

from .server import Collector, Seen

__all__ = ["Collector", "Seen"]
