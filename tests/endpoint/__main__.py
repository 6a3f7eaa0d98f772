"""`python -m endpoint --latency 0.2`: the stub in a process of its own; prints its URL as one JSON line."""

import argparse
import asyncio

from .server import Endpoint, echo, forever, judging, numbered

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--latency", type=float, default=0.0)
parser.add_argument("--faults", type=float, default=0.0)
parser.add_argument("--behaviour", choices=["echo", "judging", "numbered"], default="numbered")
given = parser.parse_args()
behaviour = {"echo": echo, "judging": judging, "numbered": numbered}[given.behaviour]
asyncio.run(forever(Endpoint(behaviour, latency=given.latency, faults=given.faults, keep=False), given.port))
