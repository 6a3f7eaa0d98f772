# ruff: noqa: E501, PT018
"""Every reader of foreign text: realistic seeds, and what happens with a text. Only errors of the tree may come out.

`READERS[name]` is a strategy of inputs and the function that reads one.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import struct
import tempfile
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from endpoint.call_forms import FORMS
from endpoint.wire import CLOCK, WEATHER
from fuzz.mutations import as_json, mutated, mutated_json
from jielong import call_context
from jielong.answers import RULES
from jielong.answers.named_answer import named_answer
from jielong.answers.number_answer import other_readings
from jielong.cli.ledger import _line
from jielong.contract import Message, Request, Usage
from jielong.errors import JielongError
from jielong.models.chat_template import ChatTemplate
from jielong.models.lenient_json import read_arguments
from jielong.models.llama_weights import read_weights
from jielong.models.local.checkpoint_folder import generation_defaults, open_checkpoint
from jielong.models.mini import WEIGHTS
from jielong.models.openai import Endpoint
from jielong.models.openai.calls_in_text import find_calls, quoted_calls
from jielong.models.openai.endpoint_presets import resolve_endpoint
from jielong.models.openai.reply_assembler import Malformed
from jielong.recipe import load, parse
from jielong.runtime.ledger import Ledger, call_key
from jielong.runtime.ledger_json import decode_reply, encode_reply
from jielong.runtime.provider import AttemptFailed
from jielong.runtime.runtime import Runtime
from jielong.tasks.answer_equality import same
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import RuleMetric
from jielong.techniques.tools import mcp_servers, read_url
from jielong.techniques.tools.repair_calls import nearest_name, repair_arguments
from jielong.techniques.tools.text_protocol import CALLS, THOUGHTS
from jielong.techniques.tools.tool import ToolFailed

Read = Callable[[Any], None]
TOOLS = {tool.name: tool for tool in (WEATHER, CLOCK)}
HERE = Path(__file__).parent


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz"))


@cache
def loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


# ---- recipes ----

RECIPES = (
    "mini", "mini | cot", "mini | cot | self_consistency(n=8)", 'mini | instruct("Answer in \\"one\\" word.\\n")',
    "mini | budget(tokens=5000, usd=0.5)", "mini | few_shot(examples=[[\"1+1\", \"2\"], [\"2+2\", \"4\"]], n=2)",
    "mini | self_consistency(n=3, judge=(mini | cot))", "openai:gpt-4o@http://127.0.0.1:8000/v1?key=K | cot",
    "mini | best_of_n(n=4, scorer=(mini))", "ollama:llama3 | tot(game=game24, steps=3, keep=5)", "mini | tools(use=[calculator])",
)  # fmt: skip


def read_recipe(text: str) -> None:
    parse(text)
    if not any(word in text for word in ("local", "hub", "scripted")):
        load(text)


# ---- endpoints: whole replies, refusals, streams ----

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
         "completion_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip
CALL = {
    "index": 0,
    "id": "c1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
}
LOGPROBS = {"content": [{"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "b", "logprob": -2}]}]}
MESSAGES: tuple[dict[str, Any], ...] = (
    {"content": "The answer is 4."},
    {"content": [{"type": "text", "text": "x"}, {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    {"content": None, "tool_calls": [CALL, {**CALL, "id": "c2", "index": 1}]},
    {"content": "", "reasoning_content": "hm", "refusal": None},
    {"content": "a", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0, "signature": "s"}]},
    {"content": None, "function_call": {"name": "get_weather", "arguments": "{}"}},
    *({"content": text} for text, _, _ in list(FORMS.values())[:20]),
)
COMPLETIONS = tuple(
    {"id": "1", "model": "m", "usage": USAGE,
     "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": LOGPROBS}]}
    for message in MESSAGES
)  # fmt: skip
REFUSALS = (
    {
        "error": {
            "message": "Rate limit reached, try again in 2s",
            "type": "requests",
            "param": None,
            "code": "rate_limit",
        }
    },
    {"detail": [{"loc": ["body", "messages", 0], "msg": "field required", "type": "value_error"}]},
    {"error": {"message": "Unsupported parameter: 'seed'", "param": "seed", "code": "unsupported_parameter"}},
    {"choices": [{"error": {"code": 429, "message": "overloaded", "metadata": {"raw": "too many"}}}]},
    {
        "code": "1113",
        "message": "no balance",
        "type": "x",
        "base_resp": {"status_code": 1008, "status_msg": "余额不足"},
    },
)
REQUEST = Request((Message("user", "What?"),), tools=(WEATHER, CLOCK))


class Sent:
    """What an `aiohttp.ClientResponse` shows of an answer."""

    def __init__(self, data: bytes, status: int, kind: str, piece: int) -> None:
        self.data, self.status, self.content_type, self.piece = data, status, kind, piece
        self.headers: Mapping[str, str] = {"Retry-After": "1e9"}
        self.url = "http://127.0.0.1:1/v1/chat/completions"
        self.content = self

    async def iter_any(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self.data), self.piece):
            yield self.data[at : at + self.piece]

    async def read(self, most: int) -> bytes:
        return self.data[:most]


async def _heard(event: Any) -> None:
    str(event).encode()


def receive(sent: Sent, stream: bool) -> None:
    async def run() -> None:
        with call_context.replace(runtime=Runtime(), listener=_heard if stream else None):
            target = resolve_endpoint("openai", "qwen3@http://127.0.0.1:1/v1")
            endpoint = Endpoint(target)
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "seed": 1, "stream": stream}
            reply = await endpoint._read(sent, body, REQUEST, target.addresses[0])  # type: ignore[arg-type]
        follow_up = REQUEST.follow_up(reply.message)
        with Ledger(folder() / "written.db") as ledger:
            key, request = call_key("e", "generate", follow_up, {}, ())
            ledger.put(key, "run", "p", request, usage=Usage(calls=1), reply=encode_reply(reply))
            found = ledger.find(key, decode_reply)
            assert found and found.result.text == reply.text
            [*map(_line, ledger.rows(key=key))]
        json.dumps(encode_reply(reply), ensure_ascii=False).encode()

    with suppress(JielongError, AttemptFailed, Malformed):
        loop().run_until_complete(run())


WIRE = st.tuples(
    st.one_of(
        mutated_json((*COMPLETIONS, *REFUSALS)).map(as_json),
        mutated([*map(as_json, (*COMPLETIONS, *REFUSALS)), "<html><body>502</body></html>"]),
    ),
    st.sampled_from((200, 200, 200, 400, 401, 404, 429, 500)),
    st.sampled_from(("application/json", "text/html")),
)


def read_wire(sent: tuple[str, int, str]) -> None:
    receive(Sent(sent[0].encode(errors="surrogatepass"), sent[1], sent[2], 10_000), False)


def chunks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name, value in message.items():
        parts = [value[:3], value[3:9], value[9:]] if isinstance(value, str) else [value]
        deltas += [{name: part} for part in parts]
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    return [
        *chunks,
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None},
        {"choices": [], "usage": USAGE},
    ]


def events(chunks: Any) -> str:
    if not isinstance(chunks, list):
        return f"data: {as_json(chunks)}\n\n"
    return "".join(f"data: {as_json(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


STREAMS = [chunks_of(message) for message in MESSAGES]
STREAM = st.tuples(
    st.one_of(
        mutated_json(STREAMS).map(events),
        mutated([*map(events, STREAMS)], ("\n\ndata: ", ": ping\n\n", "error: {}\n\n")),
    ),
    st.sampled_from((1, 7, 1_000_000)),
    st.sampled_from(("text/event-stream", "text/event-stream", "application/json", "text/html")),
)


def read_stream(sent: tuple[str, int, str]) -> None:
    receive(Sent(sent[0].encode(errors="surrogatepass"), 200, sent[2], sent[1]), True)


# ---- tasks ----

ROWS: tuple[dict[str, Any], ...] = (
    {"input": "2+2?", "answer": "4"}, {"question": "2+2?", "answer": "2+2=4\n#### 4"},
    {"question": "Which?", "choices": ["a", "b", "c"], "answer": "B", "id": 7},
    {"question": "Which?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "A"},
    {"input": [{"role": "user", "content": "hi"}], "answer": "hello", "cluster": "x", "context": ["a doc"]},
    {"task_id": "HumanEval/0", "prompt": "def f():\n", "entry_point": "f", "test": "def check(c):\n pass", "canonical_solution": " return 1"},
    {"text": "Write f", "code": "def f(): pass", "task_id": 1, "test_list": ["assert f() is None"], "test_setup_code": "", "challenge_test_list": []},
    {"problem": "x^2", "solution": "\\boxed{2}", "level": "Level 1", "type": "Algebra"},
    {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "x"}]},
    {"id": "simple_0", "question": [[{"role": "user", "content": "hi"}]], "function": [{"name": "f", "description": "", "parameters": {"type": "dict", "properties": {"a": {"type": "integer"}}}}], "ground_truth": [{"f": {"a": [1]}}]},
    {"goal": "Open", "sol1": "a", "sol2": "b", "label": 0}, {"ctx": "He", "endings": ["a", "b"], "label": "1", "ind": 3},
    {"context": "A text", "question": "Who?", "answers": {"text": ["x"], "answer_start": [0]}, "id": "q"},
    {"inputs": "x", "targets": ["y"], "target_scores": {"y": 1, "z": 0}},
)  # fmt: skip
TABLES = (
    "question,answer\n2+2?,4\n3+3?,6\n", "sep=;\nquestion;A;B;C;answer\nx;1;2;3;A\n", "question\tanswer\nq\t\"a\nb\"\n",
    "# note\nQ?,a,b,c,d,B\nQ?,a,b,c,d,C\n", "input,choices,answer\nq,\"['a', 'b']\",A\n", "q,answers\nx,\"['1','2']\"\n",
)  # fmt: skip
TASKS = st.one_of(
    st.tuples(st.just(".jsonl"), st.lists(mutated_json(ROWS).map(as_json), min_size=1, max_size=3).map("\n".join)),
    st.tuples(st.sampled_from((".jsonl", ".json", ".csv")), mutated([as_json(row) for row in ROWS])),
    st.tuples(
        st.just(".json"), mutated_json([list(ROWS), {"data": list(ROWS)}, {"q": ["a"], "answer": ["b"]}]).map(as_json)
    ),
    st.tuples(st.sampled_from((".csv", ".tsv")), mutated(TABLES)),
)


def read_task(file: tuple[str, str]) -> None:
    path = folder() / f"task{file[0]}"
    path.write_bytes(file[1].encode("utf-8", "surrogatepass"))
    task = load_task(str(path))
    for item in task.items[:3]:
        json.dumps([item.id, str(item.input), item.accepted, item.choices]).encode()
        item.request()
        for gold in item.accepted:
            task.metric.same(gold, gold)


# ---- pages ----

PAGES = (
    "<html><head><title>Tea</title></head><body><article><h1>Tea</h1><p>Tea is made of the leaves of the tea plant. It is "
    "drunk all over the world.</p><table><tr><td>1</td></tr></table></article></body></html>",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><html><body><p>&a; text text text</p></body></html>",
    "plain text", '{"a": [1, 2]}', "<p>" * 30, "<div><ul><li>a<li>b</ul><pre>code</pre><blockquote>q</blockquote></div>",
)  # fmt: skip
PAGE = st.tuples(
    st.sampled_from(("text/html", "text/html", "application/xhtml+xml", "text/plain", "application/json", "image/png", "")),
    st.sampled_from(("utf-8", "latin-1", "utf-7", "punycode", "idna", "x", "utf-16", "gb18030", "base64", "undefined", "\0", "a" * 300)),
    mutated(PAGES),
)  # fmt: skip


def read_page(page: tuple[str, str, str]) -> None:
    with suppress(ToolFailed):
        found = read_url.Page(page[0], page[1], page[2].encode("utf-8", "surrogatepass"))
        result = loop().run_until_complete(read_url.text_of(found))
        result.encode()


# ---- answers ----


@cache
def written() -> tuple[str, ...]:
    files = ("written_answers.toml", "kept_back.toml", "written_later.toml")
    tables = [tomllib.loads((HERE.parent / "answers" / name).read_text("utf-8")) for name in files]
    return tuple(str(row["reply"]) for table in tables for rows in table.values() for row in rows if "reply" in row)


def read_answer(pair: tuple[str, str]) -> None:
    text, gold = pair
    for name, rule in RULES.items():
        found = rule(text)
        if found is not None:
            found.encode()
            same(name, found, gold)
            other_readings(text, found, gold)
    named_answer(text, (gold, "Paris", "B"))
    RuleMetric("choice").same(text[:50], gold)


# ---- a ledger of somebody else ----

KEPT = (
    {"message": {"role": "assistant", "content": "4"}, "finish": "stop", "usage": {"calls": 1, "input_tokens": 5},
     "logprobs": [["a", -0.5, [["b", -1]]]], "sources": [{"document": "d", "start": 0, "end": 2}]},
    {"message": {"role": "assistant", "content": [{"text": "a"}, {"thinking": "b"}, {"image": "aGk=", "mime": "image/png"}],
     "tool_calls": [{"id": "1", "name": "f", "arguments": "{}"}]}, "finish": "tool_calls", "usage": {"usd": None}},
)  # fmt: skip
ASKED = ({"messages": [{"role": "user", "content": "2+2?"}], "sampling": {"seed": 1}},)
LEDGER = st.tuples(
    st.one_of(
        mutated_json(KEPT).map(as_json), mutated([*map(as_json, KEPT)]), st.sampled_from((b"\xff", 5, None, 1.5))
    ),
    st.one_of(mutated_json(ASKED).map(as_json), st.sampled_from(("", "[]", b"\0", 7))),
    st.one_of(mutated_json(({"calls": 1, "input_tokens": 5, "usd": 0.1, "seconds": 1.5},)).map(as_json), st.just("")),
    st.sampled_from((None, 5, "many", b"\xff", 2**62, -1.5)),
    st.sampled_from((1.5, "then", None, 10)),
)


def read_ledger(row: tuple[Any, ...]) -> None:
    reply, request, usage, bound, at = (v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for v in row)
    file = folder() / "foreign.db"
    if not file.exists():
        with Ledger(file):
            pass
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("pragma synchronous = off")
    db.execute("delete from calls")
    with suppress(sqlite3.IntegrityError):
        values = ("k", "run", "p", request, reply, None, usage, bound, at, "done")
        db.execute("insert into calls(key, run, provider, request, reply, error, usage, bound_tokens, at, state) "
                   "values(?,?,?,?,?,?,?,?,?,?)", values)  # fmt: skip
    db.close()
    for read in (lambda ledger: [*map(_line, ledger.rows())], lambda ledger: ledger.find("k", decode_reply)):
        with Ledger(file, to_read=True) as ledger, suppress(JielongError):
            json.dumps(str(read(ledger)))


# ---- checkpoints: settings, tokenizers, templates, headers of weights ----


@cache
def settings() -> dict[str, Any]:
    names = ("config.json", "tokenizer_config.json", "generation_config.json")
    return {name: json.loads((WEIGHTS / name).read_text("utf-8")) for name in names}


def header() -> dict[str, Any]:
    return {"__metadata__": {"format": "pt"},
            "model.embed_tokens.weight": {"dtype": "F32", "shape": [4, 2], "data_offsets": [0, 32]},
            "model.norm.weight": {"dtype": "BF16", "shape": [2], "data_offsets": [32, 36]}}  # fmt: skip


CHECKPOINT = st.one_of(
    *(st.tuples(st.just(name), mutated_json((settings()[name],)).map(as_json)) for name in settings()),
    st.tuples(st.just("model.safetensors"), mutated_json((header(),)).map(as_json)),
    st.tuples(st.just("model.safetensors"), mutated((as_json(header()),))),
    st.tuples(st.just("tokenizer.json"), st.deferred(lambda: mutated(((WEIGHTS / "tokenizer.json").read_text("utf-8"),)))),
    st.tuples(st.just("tokenizer.json"), st.deferred(lambda: mutated_json((json.loads((WEIGHTS / "tokenizer.json").read_text("utf-8")),)).map(as_json))),
    st.tuples(st.just("chat_template.jinja"), mutated((str(settings()["tokenizer_config.json"].get("chat_template")),),
              ("{% for x in range(9) %}", "{{ messages * 9 }}", "{% endfor %}", "{{ '%s' % ", "{{ namespace(", "{{ x.y.z }}"))),
)  # fmt: skip


def read_checkpoint(change: tuple[str, str]) -> None:
    where = folder() / "checkpoint"
    where.mkdir(exist_ok=True)
    for file in WEIGHTS.iterdir():
        link = where / file.name
        if link.is_symlink() or link.exists():
            link.unlink()
        if file.name != change[0]:
            link.symlink_to(file)
    (where / "chat_template.jinja").unlink(missing_ok=True)
    data = change[1].encode("utf-8", "replace")
    (where / change[0]).write_bytes(struct.pack("<Q", len(data)) + data + b"\0" * 36 if "safe" in change[0] else data)
    try:
        open_checkpoint(f"{where}?engine=numpy")
        generation_defaults(where)
        ChatTemplate(where).encode_request(Request((Message("system", "s"), Message("user", "2+2?"))))
        read_weights(where)
    finally:
        (where / change[0]).unlink()


# ---- MCP servers ----

LISTED = (
    {"tools": [{"name": "files", "description": "Reads", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}},
                "required": ["path"]}}], "nextCursor": None},
)  # fmt: skip
GIVEN = (
    {"content": [{"type": "text", "text": "a"}, {"type": "image", "data": "aGk=", "mimeType": "image/png"},
                 {"type": "resource", "resource": {"uri": "file:///a", "text": "x"}}], "structuredContent": {"a": 1}, "isError": False},
)  # fmt: skip


class Server:
    """What the SDK makes of a server's answers."""

    def __init__(self, listed: Any, given: Any) -> None:
        self.listed, self.given = listed, given

    async def list_tools(self, cursor: str | None = None) -> Any:
        return self.listed

    async def call_tool(self, name: str, arguments: Any, **options: Any) -> Any:
        return self.given


def read_mcp(answers: tuple[Any, Any]) -> None:
    from mcp.types import CallToolResult, ListToolsResult
    from pydantic import ValidationError

    try:
        listed = ListToolsResult.model_validate_json(json.dumps(answers[0]))
        given = CallToolResult.model_validate_json(json.dumps(answers[1]))
    except (ValidationError, ValueError, RecursionError):
        return  # the SDK refuses it

    async def run() -> None:
        server = mcp_servers.McpServer("s", ("x",), allow=("files",))
        for tool in await mcp_servers._allowed(server, Server(listed, given)):  # type: ignore[arg-type]
            tool.signature.encode()
            json.dumps(repair_arguments('{"path": "x"}', tool.parameters))
            arguments = tool.check({"path": "x"})
            (await tool.call(arguments)).text.encode()

    with suppress(ToolFailed, ValueError):
        loop().run_until_complete(run())


# ---- calls that a model wrote ----

CALL_TEXTS = [
    *(text for text, _, _ in FORMS.values()),
    "Thought: I look\nAction: get_weather\nAction Input: {\"city\": \"Rome\"}\nObservation: sun",
    "Action: get_weather[Rome]", "Action: get_weather(city='Rome')", "{'city': 'Rome', }", "```json\n{city: “Rome”}\n```",
]  # fmt: skip


def read_calls(text: str) -> None:
    for form in (CALLS, THOUGHTS):
        for call in form.read(text, TOOLS).calls:
            f"{nearest_name(call.name, TOOLS)} {call.parsed_arguments}".encode()
        form.quoted((Message("user", text),), TOOLS)
    for call in (find_calls(text, TOOLS) or ((), 0))[0]:
        " ".join(call).encode()
    quoted_calls((Message("user", text),), TOOLS)
    with suppress(ValueError):
        json.dumps(read_arguments(text), ensure_ascii=False).encode()
    with suppress(ValueError):
        json.dumps(repair_arguments(text, WEATHER.parameters), ensure_ascii=False).encode()


READERS: dict[str, tuple[st.SearchStrategy[Any], Read]] = {
    "recipes": (mutated(RECIPES, ("|", "(", ")", "=", "n=", "mini", " | cot")), read_recipe),
    "wire": (WIRE, read_wire),
    "stream": (STREAM, read_stream),
    "tasks": (TASKS, read_task),
    "pages": (PAGE, read_page),
    "answers": (
        st.tuples(st.deferred(lambda: mutated(written())), st.sampled_from(("7", "1/3", "B", "Paris", "1e999", "0.5%", "10^400", "yes"))),
        read_answer,
    ),
    "ledger": (LEDGER, read_ledger),
    "checkpoints": (CHECKPOINT, read_checkpoint),
    "mcp": (st.tuples(mutated_json(LISTED), mutated_json(GIVEN)), read_mcp),
    "calls": (st.deferred(lambda: mutated(CALL_TEXTS)), read_calls),
}  # fmt: skip
SECONDS = 5.0  # of processor time, for one input of at most 100,000 characters


def check(name: str, foreign: Any) -> None:
    """Reads it. Raises what is outside the error tree, and AssertionError where it takes too long."""
    import time

    started = time.process_time()
    with suppress(JielongError):
        READERS[name][1](foreign)
    taken = time.process_time() - started
    assert taken < SECONDS, f"{name}: {taken:.1f} s of processor time"
