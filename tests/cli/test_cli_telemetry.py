"""The OTEL_… variables and the command line: what is imported, what is refused, and runs other than the server's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collector import Collector
from jielong.installation import install_command

NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
QUESTION = "Tom has 3 bags with 4 apples each. How many apples are there now?"

SERVED = """
import os, signal, sys, threading, urllib.request
from jielong import serve
def ready(url):
    def use():
        body = b'{"model": "m", "messages": [{"role": "user", "content": "%s"}]}'
        asked = urllib.request.Request(url + "/chat/completions", body, {"Content-Type": "application/json"})
        print(urllib.request.urlopen(asked).status)
        senders = ("opentelemetry.sdk", "opentelemetry.exporter")
        print(*(name for name in sys.modules if name.startswith(senders)), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Thread(target=use).start()
serve("m=mini | cot", port=0, ready=ready)
"""  # fmt: skip
WITHOUT_THE_SDK = "import sys; sys.modules['opentelemetry.sdk'] = None; from jielong.__main__ import main; main()"


def python(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = {**clean, "JIELONG_HOME": str(home), "JIELONG_LANG": "en", **variables}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "ours"},
        {**NOWHERE, "OTEL_SDK_DISABLED": "true"},
        {**NOWHERE, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
def test_where_no_collector_is_named_nothing_that_could_send_is_imported(variables: dict[str, str], tmp_path: Path):
    """FastAPI itself imports OpenTelemetry's interface, which does nothing without an SDK."""
    done = python("-c", SERVED % QUESTION, home=tmp_path, **variables)
    assert done.stderr == ""
    status, loaded = done.stdout.splitlines()
    assert (status, loaded) == ("200", "")


def test_a_named_collector_and_no_extra_is_one_line_and_exit_2(tmp_path: Path):
    done = python("-c", WITHOUT_THE_SDK, "serve", "mini", "--port", "0", home=tmp_path, **NOWHERE)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "jielong: telemetry (OTEL_EXPORTER_OTLP_ENDPOINT is set; OTEL_SDK_DISABLED=true leaves it out) "
        f"needs an extra that is not installed: {install_command('otel')}"
    ]
    assert python("-c", WITHOUT_THE_SDK, "doctor", home=tmp_path, **NOWHERE).returncode == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "ENDPOINT is 'localhost:4318'; expected a URL"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "here"}, "TRACES_ENDPOINT is 'here'; expected a URL"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'; expected otlp or none"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, "OTEL_METRICS_EXPORTER is 'prometheus'; expected otlp or none"),
        ({**NOWHERE, "OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "an OTEL_… variable holds what cannot be used: max_queue_size"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; expected http/protobuf",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_exit_2(variables: dict[str, str], words: str, tmp_path: Path):
    done = python("-m", "jielong", "ask", "hello", home=tmp_path, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr


def test_a_header_that_cannot_be_read_is_complained_of_without_its_words(tmp_path: Path):
    with Collector() as collector:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "a-key-of-somebody"}
        done = python("-m", "jielong", "ask", "-m", "mini | cot", QUESTION, home=tmp_path, **named)
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert "Header" in done.stderr
    assert "somebody" not in done.stderr


def test_only_the_signal_whose_endpoint_is_named_is_sent(tmp_path: Path):
    with Collector() as collector:
        named = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces", "OTEL_SERVICE_NAME": "ours"}
        done = python("-m", "jielong", "ask", "-m", "mini | cot", QUESTION, home=tmp_path, **named)
        assert (done.returncode, done.stderr) == (0, "")
        (tree,) = collector.trees()
        assert tree.shape() == ("invoke_workflow cot", [("chat mini", [])])
        assert tree.service == "ours"
        assert collector.points == {}


def test_an_evaluation_is_one_tree_of_items_and_its_report_is_the_same(tmp_path: Path):
    task = tmp_path / "task.jsonl"
    items = [{"id": f"row-{i}", "input": QUESTION.replace("4", str(i)), "answer": str(3 * i)} for i in (4, 5)]
    task.write_text("".join(json.dumps(item) + "\n" for item in items))
    command = ("-m", "jielong", "eval", str(task), "-m", "mini | cot", "--json")
    with Collector() as collector:
        seen = python(*command, home=tmp_path / "seen", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        unseen = python(*command, home=tmp_path / "unseen")
        assert seen.returncode == unseen.returncode == 0, seen.stderr
        usage, plain = (json.loads(done.stdout)["results"][0]["usage"] for done in (seen, unseen))
        assert usage == plain
        (tree,) = collector.trees()
        item = ("item", [("invoke_workflow cot", [("chat mini", [])])])
        assert tree.shape() == ("model", [("grade", []), ("grade", []), item, item])
        calls = [span for span in tree.all() if span.kind == "CLIENT"]
        assert sum(int(str(span.attributes["gen_ai.usage.input_tokens"])) for span in calls) == usage["input_tokens"]
        assert b"apples" not in b"".join(collector.raw)
