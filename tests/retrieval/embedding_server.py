"""An endpoint for /v1/embeddings on the loopback address: vectors of hashed words, and the troubles of real ones."""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMENSIONS = 64


class EmbeddingServer(ThreadingHTTPServer):
    """`most_texts` a call and `most_characters` a text are taken; each call takes `seconds`. `calls` is what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.most_texts, self.most_characters, self.seconds = 1000, 100_000, 0.0
        self.calls: list[list[str]] = []
        self.answer: Any = None  # instead of vectors
        self.lock = threading.Lock()

    @property
    def spec(self) -> str:
        return f"openai:words@http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def texts(self) -> list[str]:
        return [text for call in self.calls for text in call]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EmbeddingServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/rerank"):
            self.server.calls.append([body["query"], *body["documents"]])
            scores = [sum(word in text for word in body["query"].split()) for text in body["documents"]]
            rows = [{"index": n, "relevance_score": score} for n, score in enumerate(scores)]
            self._send(
                200,
                {"results": rows[::-1], "usage": {"total_tokens": 7}}
                if self.server.answer is None
                else self.server.answer,
            )
            return
        texts = body["input"]
        time.sleep(self.server.seconds)
        if len(texts) > self.server.most_texts:
            self._send(
                400,
                {"error": {"message": f"batch size is invalid, it should not be larger than {self.server.most_texts}"}},
            )
        elif max(map(len, texts)) > self.server.most_characters:
            self._send(
                400,
                {
                    "error": {
                        "message": "This model's maximum context length is 512 tokens",
                        "code": "context_length_exceeded",
                    }
                },
            )
        else:
            with self.server.lock:
                self.server.calls.append(texts)
            rows = [{"index": n, "embedding": vector(text)} for n, text in enumerate(texts)]
            payload = {
                "data": rows[::-1],
                "usage": {"prompt_tokens": sum(map(len, texts)), "total_tokens": sum(map(len, texts))},
            }
            self._send(200, payload if self.server.answer is None else self.server.answer)

    def _send(self, status: int, payload: Any) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def vector(text: str) -> list[float]:
    """Counts of the text's words, each at the place that its hash says."""
    numbers = [0.01] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        numbers[zlib.crc32(word.encode()) % DIMENSIONS] += 1.0
    return numbers


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
