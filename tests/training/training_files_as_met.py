"""Training files as people have them, and what counts in the loss. Written before the reader was mended for them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

USER, REPLY = {"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "5"}
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 2}}}


@dataclass(frozen=True)
class Case:
    """`learnt`: what counts in the loss, without spaces and special tokens. `seen`: texts before it, in order."""

    name: str
    content: bytes
    learnt: str = "5"
    seen: tuple[str, ...] = ("What is 2 + 3?",)
    refused: str | None = None
    noted: str = ""
    file: str = "data.jsonl"


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(**columns: list[Any]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def excel(*rows: list[Any]) -> bytes:
    import openpyxl

    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(stream)
    return stream.getvalue()


def chat(*turns: dict[str, Any], **more: Any) -> bytes:
    return lines({"messages": list(turns), **more})


def shared(*turns: tuple[str, Any], **more: Any) -> bytes:
    return lines({"conversations": [{"from": who, "value": text} for who, text in turns], **more})


SUM = {"prompt": "What is 2 + 3?", "completion": "5"}
CASES = [
    Case("prompt and completion", lines(SUM)),
    Case("prompt and completion as messages", lines({"prompt": [USER], "completion": [REPLY]})),
    Case("a prompt with a turn of the assistant, which is not learnt", lines({"prompt": [USER, {**REPLY, "content": "6"}, USER], "completion": [REPLY]})),
    Case("a prompt with a system message", lines({"prompt": [{"role": "system", "content": "Be brief."}, USER], "completion": [REPLY]}), seen=("Be brief.", "What is 2 + 3?")),
    Case("a prompt of messages and a completion of text", lines({"prompt": [USER], "completion": "5"})),
    Case("prompt and completion in parts", lines({"prompt": [{"type": "text", "text": "What is 2 + 3?"}], "completion": [{"type": "text", "text": "5"}]})),
    Case("messages", chat(USER, REPLY)),
    Case("messages with content in parts", chat({"role": "user", "content": [{"type": "text", "text": "What is 2 + 3?"}]}, REPLY)),
    Case("a part that is a picture", chat({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, REPLY), refused="image_url"),
    Case("the role developer", chat({"role": "developer", "content": "Be brief."}, USER, REPLY), seen=("Be brief.", "What is 2 + 3?")),
    Case("weight 0", chat(USER, {**REPLY, "content": "9", "weight": 0}, USER, {**REPLY, "weight": 1})),
    Case("weight 0 at the end", chat(USER, REPLY, USER, {**REPLY, "content": "9", "weight": 0})),
    Case("weight 0 everywhere", chat(USER, {**REPLY, "weight": 0}), refused="nothing to learn"),
    Case("a weight that is neither 0 nor 1", chat(USER, {**REPLY, "weight": 0.5}), refused="0.5"),
    Case("train: false", chat(USER, {**REPLY, "content": "9", "train": False}, USER, REPLY)),
    Case("loss: false", chat(USER, {**REPLY, "content": "9", "loss": False}, USER, REPLY)),
    Case("completion null", lines({**SUM, "completion": None}), refused="data.jsonl:1: "),
    Case("completion NaN", b'{"prompt": "x", "completion": NaN}\n', refused="data.jsonl:1: "),
    Case("completion empty", lines({**SUM, "completion": ""}), refused="data.jsonl:1: "),
    Case("completion of spaces", lines({**SUM, "completion": " \n"}), refused="data.jsonl:1: "),
    Case("prompt null", lines({**SUM, "prompt": None}), refused="data.jsonl:1: "),
    Case("completion a number", lines({**SUM, "completion": 5})),
    Case("content null", chat(USER, {**REPLY, "content": None}), refused="null"),
    Case("content empty", chat(USER, {**REPLY, "content": ""}), refused="data.jsonl:1: "),
    Case("text null", lines({"text": None}), refused="data.jsonl:1: "),
    Case("text empty", lines({"text": "Rimo is a cat."}, {"text": ""}), refused="data.jsonl:2: "),
    Case("messages empty", chat(), refused="data.jsonl:1: "),
    Case("messages null", lines({"messages": None}), refused="data.jsonl:1: "),
    Case("text", lines({"text": "Rimo is a cat."}), learnt="Rimoisacat.", seen=()),
    Case("text with U+2028", lines({"text": "Rimo is\u2028a cat."}), learnt="Rimoisacat.", seen=()),
    Case("messages with U+0085", chat({**USER, "content": "What is\u0085 2 + 3?"}, REPLY), seen=("2 + 3?",)),
    Case("BOM", b"\xef\xbb\xbf" + lines(SUM)),
    Case("a comment in the first line", b"# sums\n" + lines(SUM)),
    Case("UTF-16", lines(SUM).decode().encode("utf-16")),
    Case("GBK", lines({"prompt": "问题是什么？", "completion": "5"}).decode().encode("gbk"), seen=()),
    Case("ShareGPT", shared(("human", "What is 2 + 3?"), ("gpt", "5"))),
    Case("ShareGPT with user and assistant", shared(("user", "What is 2 + 3?"), ("assistant", "5"))),
    Case("ShareGPT with system", shared(("system", "Be brief."), ("human", "What is 2 + 3?"), ("gpt", "5")), seen=("Be brief.", "What is 2 + 3?")),
    Case("ShareGPT with system beside it", shared(("human", "What is 2 + 3?"), ("gpt", "5"), system="Be brief."), seen=("Be brief.", "What is 2 + 3?")),
    Case("ShareGPT of an unknown role", shared(("narrator", "Once"), ("gpt", "5")), refused="narrator"),
    Case("ShareGPT without a reply", shared(("human", "What is 2 + 3?")), refused="nothing to learn"),
    Case("ShareGPT with weights", lines({"conversations": [{"from": "human", "value": "What is 2 + 3?"}, {"from": "gpt", "value": "9", "weight": 0}, {"from": "human", "value": "And?"}, {"from": "gpt", "value": "5", "weight": 1}]})),
    Case("Alpaca", lines({"instruction": "Add.", "input": "What is 2 + 3?", "output": "5"}), seen=("Add.", "What is 2 + 3?")),
    Case("Alpaca without input", lines({"instruction": "What is 2 + 3?", "input": "", "output": "5"})),
    Case("Alpaca without output", lines({"instruction": "What is 2 + 3?", "input": "", "output": None}), refused="data.jsonl:1: "),
    Case("Alpaca as a list", json.dumps([{"instruction": "Add.", "input": "What is 2 + 3?", "output": "5"}]).encode(), file="data.json"),
    Case("Dolly", lines({"instruction": "What is 2 + 3?", "context": "Sums.", "response": "5", "category": "x"}), seen=("What is 2 + 3?", "Sums."), noted="category"),
    Case("CSV", b"prompt,completion\nWhat is 2 + 3?,5\n", file="data.csv"),
    Case("CSV with semicolons in GBK", "prompt;completion\n2 + 3 等于多少？;5\n".encode("gbk"), seen=("2 + 3",), file="data.csv"),
    Case("messages in a CSV cell", b'messages\n"[{""role"": ""user"", ""content"": ""What is 2 + 3?""}, {""role"": ""assistant"", ""content"": ""5""}]"\n', file="data.csv"),
    Case("Parquet", parquet(prompt=["What is 2 + 3?"], completion=["5"]), file="data.parquet"),
    Case("Parquet of messages", parquet(messages=[[USER, REPLY]]), file="data.parquet"),
    Case("Excel", excel(["prompt", "completion"], ["What is 2 + 3?", 5]), file="data.xlsx"),
    Case("preferences", lines({"prompt": "What is 2 + 3?", "chosen": "5", "rejected": "6"}), refused="chosen"),
    Case("preferences as conversations", lines({"chosen": [USER, REPLY], "rejected": [USER, REPLY]}), refused="chosen"),
    Case("questions and answers", lines({"question": "What is 2 + 3?", "answer": "5"}), refused="question"),
    Case("columns that are not used", lines({**SUM, "source": "book", "topic": "sums"}), noted="source, topic"),
    Case("a bad line far below", lines(SUM) * 3 + b"{\n", refused="data.jsonl:4: not JSON"),
    Case("a call and its result", chat(USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "a", **CALL}]}, {"role": "tool", "tool_call_id": "a", "content": "5"}, REPLY), learnt="…5"),
    Case("ShareGPT's calls", shared(("human", "What is 2 + 3?"), ("function_call", '{"name": "add", "arguments": {"a": 2}}'), ("observation", "5"), ("gpt", "5")), learnt="…5"),
]  # fmt: skip
