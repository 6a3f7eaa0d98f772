"""The served OpenAPI description, tried out by schemathesis: what is described is what happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from jielong.contract import Embeddings, Model, Reply, Usage
from jielong.contract import Message as Said
from jielong.models.scripted import Scripted
from serving.served import Served

FULL = os.environ.get("JIELONG_FULL") == "1"
# The cases of each value at its limits are many hundreds, and the same on every run.
TRIED = ["--max-examples", "25"] if FULL else ["--max-examples", "10", "--phases", "examples,fuzzing"]
SCHEMATHESIS = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or "schemathesis"


def only_too_long(output: str) -> bool:
    """Whether nothing but texts beyond the context was refused: no schema can say how many tokens a text has."""
    refusals = re.findall(r"^\[\d{3}\] [^\n]*:\s+`(.*)`$", output, re.M)
    failures = re.findall(r"^- [A-Z]{2}\d+ ", output, re.M)
    return len(refusals) == len(failures) > 0 and all('"context_length_exceeded"' in refusal for refusal in refusals)


class Embeds(Model):
    name = "embeds"

    async def generate(self, request: Any) -> Reply:
        return Reply(Said("assistant", "hello"))

    async def embed(self, texts: Any) -> Embeddings:
        return Embeddings(tuple((float(len(text)), 0.5) for text in texts), Usage(input_tokens=len(texts)))


TWO = (Scripted("hello there"), Embeds())


OFFERS: dict[str, tuple[tuple[str | Model, ...], tuple[str, ...], str | None]] = {
    "composing": (TWO, ("mini",), "s3cret"),
    "named": (TWO, (), None),
    "a model of 512 tokens": (("mini",), (), None),
}


@pytest.mark.parametrize("offer", OFFERS if FULL else ["named"])
def test_schemathesis_finds_nothing(offer: str, tmp_path: Path):
    models, allow, token = OFFERS[offer]
    with Served(*models, allow=allow, token=token) as served:
        bearer = ["--header", f"Authorization: Bearer {token}"] if token else []
        url = served.url.removesuffix("/v1") + "/openapi.json"
        command = [SCHEMATHESIS, "run", url, "--no-color", "--seed", "1", *TRIED, *bearer]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0 or only_too_long(done.stdout), done.stdout[-6000:]


def test_the_description_names_the_models():
    with Served(Scripted("hello"), "mini", allow=["mini"], token="s3cret") as served:
        request = Request(served.url.removesuffix("/v1") + "/openapi.json", headers={"Authorization": "Bearer s3cret"})
        with urlopen(request) as response:
            said = json.load(response)
    model = said["components"]["schemas"]["ChatCompletionRequest"]["properties"]["model"]
    assert model["anyOf"][0]["enum"] == ["scripted:test", "mini"]
    assert said["security"] == [{"token": []}]
    assert "/v1/embeddings" not in said["paths"], "no model here embeds"
