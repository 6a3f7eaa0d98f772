"""Training and preference files that are malformed, each with the words that have to come. Written before any was tried."""

from __future__ import annotations

import gzip
import json
from typing import Any

GOOD = {"prompt": "What is 2 + 3?", "completion": "5"}
PAIR = {"prompt": "What is 2 + 3?", "chosen": "5", "rejected": "6"}
USER, REPLY = {"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}


def lines(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


# name of the file, content, where it is wrong ("" for the file as a whole), words of the reason
TRAINING_FILES: dict[str, tuple[str, bytes, str, str]] = {
    "cut off in a line": ("a.jsonl", lines(GOOD)[:-9], ":1", "not JSON"),
    "single quotes": ("a.jsonl", str(GOOD).encode(), ":1", "not JSON"),
    "a comma at the end": ("a.json", b'[{"prompt": "a", "completion": "b"},]', "", "not JSON"),
    "an empty file": ("a.jsonl", b"", "", "no document in it"),
    "blank lines alone": ("a.jsonl", b"\n\n  \n", "", "no document in it"),
    "an empty list": ("a.json", b"[]", "", "no document in it"),
    "a number": ("a.json", b"5", "", "expected a list of objects"),
    "texts instead of objects": ("a.jsonl", b'"hello"\n', ":1", "expected a JSON object, found str"),
    "zeros": ("a.jsonl", b"\0" * 400, "", "a.jsonl"),
    "gzip under the name of JSON lines": ("a.jsonl", gzip.compress(lines(GOOD)), "", "a.jsonl"),
    "a zip archive as CSV": ("a.csv", b"PK\3\4" + b"x" * 40, "", "zip archive"),
    "HTML of an error": ("a.jsonl", b"<!DOCTYPE html><html>404</html>", ":1", "not JSON"),
    "a web page as JSON": ("a.json", b"<!DOCTYPE html><html>404</html>", "", "not JSON"),
    "an unknown ending": ("a.txt", lines(GOOD), "", "unknown kind of file"),
    "no Parquet": ("a.parquet", b"PAR1 but no more", "", "not a Parquet file"),
    "no Excel": ("a.xlsx", b"PK\3\4 but no more", "", "not an Excel file"),
    "a CSV without header": ("a.csv", b"What is 2 + 3?,5\nWhat is 3 + 3?,6\n", ":2", "expected text, messages"),
    "a quote that never ends": ("a.csv", b'prompt,completion\n"What is 2,5\nx,y\n', ":2", "a.csv"),
    "messages that are a text": ("a.jsonl", lines({"messages": "User: Hi. Assistant: Hello."}), ":1", "messages: expected a list"),
    "messages that are an object": ("a.jsonl", lines({"messages": {"role": "user", "content": "x"}}), ":1", "messages: expected a list"),
    "a message without a role": ("a.jsonl", lines({"messages": [{"content": "Hi."}, REPLY]}), ":1", "messages: expected a list of objects with role"),
    "a message without content": ("a.jsonl", lines({"messages": [USER, {"role": "assistant"}]}), ":1", "messages: expected a list"),
    "a role that is a number": ("a.jsonl", lines({"messages": [{"role": 1, "content": "x"}, REPLY]}), ":1", "unknown role 1"),
    "content that is an object": ("a.jsonl", lines({"messages": [USER, {"role": "assistant", "content": {"text": "x"}}]}), ":1", "the content of the assistant is dict"),
    "nested a thousand deep": ("a.jsonl", b'{"prompt": ' + b"[" * 1000 + b"]" * 1000 + b', "completion": "x"}\n', ":1", "a.jsonl"),
    "a number of ten thousand digits": ("a.jsonl", b'{"prompt": "x", "completion": ' + b"9" * 10000 + b"}\n", ":1", "a.jsonl"),
    "columns of another set": ("a.jsonl", lines({"src": "x", "tgt": "y"}), ":1", "found src, tgt; expected text"),
    "tools that are broken JSON": ("a.jsonl", lines({"messages": [USER, REPLY], "tools": "[{"}), ":1", "tools: expected a list"),
    "a call with broken arguments": ("a.jsonl", lines({"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]}), ":1", "a call of a tool"),
    "ShareGPT with a value that is a list of numbers": ("a.jsonl", lines({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": [1, 2]}]}), ":1", "a part of type"),
    "weights of text": ("a.jsonl", lines({"messages": [USER, {**REPLY, "weight": "high"}]}), ":1", "weight = 'high'"),
    "a history of texts": ("a.jsonl", lines({"instruction": "x", "output": "y", "history": ["a", "b"]}), ":1", "history: expected a list of pairs"),
}  # fmt: skip
PREFERENCE_FILES: dict[str, tuple[str, bytes, str, str]] = {
    "no rejected": ("a.jsonl", lines({"prompt": "x", "chosen": "y"}), ":1", "rejected"),
    "both the same": ("a.jsonl", lines({**PAIR, "rejected": "5"}), ":1", "a.jsonl"),
    "chosen null": ("a.jsonl", lines({**PAIR, "chosen": None}), ":1", "chosen"),
    "rejected empty": ("a.jsonl", lines({**PAIR, "rejected": ""}), ":1", "rejected"),
    "no prompt": ("a.jsonl", lines({"chosen": "y", "rejected": "z"}), ":1", "prompt"),
    "chosen a number, rejected a list": ("a.jsonl", lines({**PAIR, "chosen": 5, "rejected": [1]}), ":1", "chosen"),
    "conversations that end with the user": ("a.jsonl", lines({"chosen": [USER], "rejected": [USER]}), ":1", "a.jsonl"),
    "a line that is no JSON": ("a.jsonl", b"{chosen}\n", ":1", "not JSON"),
    "an empty file": ("a.jsonl", b"", "", "a.jsonl"),
    "rows of a training file": ("a.jsonl", lines(GOOD), ":1", "chosen"),
    "a list in a list": ("a.json", b"[[1, 2]]", ":1", "expected a JSON object"),
    "two prompts that differ": ("a.jsonl", lines({"chosen": [USER, REPLY], "rejected": [{**USER, "content": "Bye."}, REPLY]}), ":1", "a.jsonl"),
}  # fmt: skip
