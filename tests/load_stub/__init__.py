"""A streaming endpoint that draws its own delays and writes down what it drew and when it kept to it."""

from .server import DelayedEndpoint, Delays, independent, single_server

__all__ = ["DelayedEndpoint", "Delays", "independent", "single_server"]
