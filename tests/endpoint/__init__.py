"""A counting, faulty, streaming OpenAI-compatible server on loopback, for tests and benchmarks."""

from .server import Answer, Endpoint, echo, numbered

__all__ = ["Answer", "Endpoint", "echo", "numbered"]
