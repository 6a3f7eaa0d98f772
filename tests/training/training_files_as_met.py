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
    template: bool = True


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


OTHER = {"prompt": "Say O.", "completion": "O"}
LONG = "What is 2 + 3? " * 40
FIELDS = {"instruction": "What is 2 + 3?"}
ANSWERED = {"answer": [{"value": "5", "user_id": "u1"}]}
PARTS = [{"type": "reasoning", "value": "Add."}, {"type": "text", "value": "5"}]
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
    Case("a weight of a half", chat(USER, {**REPLY, "weight": 0.5})),
    Case("a weight above 1", chat(USER, {**REPLY, "weight": 2}), refused="weight = 2"),
    Case("a weight that is a text", chat(USER, {**REPLY, "weight": "no"}), refused="weight = 'no'"),
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
    Case("text empty", lines({"text": "Rimo is a cat."}, {"text": ""}), learnt="Rimoisacat.", seen=(), noted="1 of 2 rows is set aside: line 2: the text is empty"),
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
    Case("questions and answers", lines({"question": "What is 2 + 3?", "answer": "5"})),
    Case("columns that are not used", lines({**SUM, "source": "book", "topic": "sums"}), noted="source, topic"),
    Case("a bad line far below", lines(SUM, OTHER, OTHER) + b"{\n", noted="1 of 4 rows is set aside: line 4: not JSON", learnt="5OO"),
    Case("a call and its result", chat(USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "a", **CALL}]}, {"role": "tool", "tool_call_id": "a", "content": "5"}, REPLY), learnt="…5"),
    Case("ShareGPT's calls", shared(("human", "What is 2 + 3?"), ("function_call", '{"name": "add", "arguments": {"a": 2}}'), ("observation", "5"), ("gpt", "5")), learnt="…5"),
    # A row that cannot be learnt from, among others that can
    Case("no reply, once", lines({"messages": [USER]}, {"messages": [USER, REPLY]}), noted="line 1: no message of the assistant"),
    Case("completion null, once", lines(SUM, {**SUM, "completion": None}), noted="line 2: the completion is null"),
    Case("longer than a row, once", lines(SUM, {**SUM, "prompt": LONG}), noted="tokens, and a row holds 128"),
    Case("longer than a row, always", lines({**SUM, "prompt": LONG}, {**SUM, "prompt": LONG}), refused="data.jsonl:1: "),
    Case("a row that is a list, once", lines(SUM) + b"[1, 2]\n", noted="line 2: expected a JSON object, found list"),
    Case("an unknown role, once", lines(SUM, {"messages": [{"role": "narrator", "content": "x"}, REPLY]}), noted="line 2: unknown role 'narrator'"),
    Case("columns of another kind, once", lines(SUM, {"foo": 1}), noted="line 2: found foo; expected"),
    Case("many rows set aside", lines(SUM, *[{**SUM, "completion": ""}] * 9), noted="9 of 10 rows are set aside: line 2: the completion is empty; expected a text; line 3: the completion is empty; expected a text; line 4: the completion is empty; expected a text; and 6 more"),
    Case("a number where messages should be", lines(SUM, {"messages": 5}), noted="line 2: messages: expected a list"),
    Case("tools that are none", lines(SUM, {"messages": [USER, REPLY], "tools": "add"}), noted="line 2: tools: expected a list of functions"),
    Case("a call without a name", lines(SUM, {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}]}), noted="line 2: a call of a tool"),
    # Argilla
    Case("Argilla's records", lines({"id": "1", "fields": FIELDS, "responses": ANSWERED, "suggestions": {}, "metadata": {}})),
    Case("Argilla's records as a list", json.dumps([{"id": "1", "fields": FIELDS, "responses": ANSWERED}]).encode(), file="data.json"),
    Case("Argilla: a discarded response", lines({"fields": FIELDS, "responses": {"answer": [{"value": "6", "status": "discarded"}, {"value": "5", "status": "submitted"}]}})),
    Case("Argilla: nobody has answered", lines({"fields": FIELDS, "responses": {}, "suggestions": {"answer": {"value": "5", "score": None, "agent": "m"}}}), noted="suggestion"),
    Case("Argilla: no answer at all, once", lines({"fields": FIELDS, "responses": ANSWERED}, {"fields": FIELDS, "responses": {}}), noted="line 2: "),
    Case("Argilla flat", lines({"id": "1", "status": "completed", "instruction": "What is 2 + 3?", "answer.responses": ["5"], "answer.responses.users": ["u"], "answer.responses.status": ["submitted"], "answer.suggestion": "6"})),
    Case("Argilla 1", lines({"prompt": "What is 2 + 3?", "response": [{"user_id": "u", "value": "5", "status": "submitted"}], "response-suggestion": "6", "external_id": None})),
    Case("Argilla: a field of messages", lines({"fields": {"chat": [USER]}, "responses": ANSWERED})),
    Case("Argilla: several questions, of which one is a rating", lines({"fields": FIELDS, "responses": {"quality": [{"value": 4}], **ANSWERED}}), noted="quality"),
    Case("Argilla: a text that was corrected", lines({"fields": {**FIELDS, "response": "6"}, "responses": {"response": [{"value": "5"}]}})),
    # What else people have
    Case("LLaMA-Factory's parts", chat({"role": "user", "content": [{"type": "text", "value": "What is 2 + 3?"}]}, {"role": "assistant", "content": PARTS}), noted="thoughts"),
    Case("LLaMA-Factory's parts with a call", chat(USER, {"role": "assistant", "content": [{"type": "tool_call", "value": '{"name": "add", "arguments": {"a": 2}}'}]}, {"role": "tool", "content": [{"type": "text", "value": "5"}]}, REPLY), learnt="…5"),
    Case("Alpaca with a history", lines({"instruction": "What is 2 + 3?", "input": "", "output": "5", "history": [["Hello.", "Hi."]]}), learnt="Hi.5", seen=("Hello.", "Hi.", "What is 2 + 3?")),
    Case("Alpaca in Chinese", lines({"指令": "2 + 3 等于多少？", "输入": "", "输出": "5"}), seen=("2 + 3",)),
    Case("a conversation in the singular", lines({"conversation": [USER, REPLY]})),
    Case("thoughts of their own", chat(USER, {**REPLY, "reasoning_content": "Add."}), noted="thoughts"),
    Case("calls with arguments as JSON text", chat(USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}]}, {"role": "tool", "tool_call_id": "a", "content": "5"}, REPLY), learnt="…5"),
    Case("Parquet: two tools with different arguments", parquet(messages=[[USER, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": {"a": 2}}}]}], [USER, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "say", "arguments": {"word": "O"}}}]}]]), learnt='{"name":"add","arguments":{"a":2}}{"name":"say","arguments":{"word":"O"}}', file="data.parquet"),
    Case("without a template: prompt and completion", lines({"prompt": "2 + 3 = ", "completion": "5"}), seen=("2 + 3 =",), template=False),
    Case("without a template: Alpaca", lines({"instruction": "What is 2 + 3?", "input": "", "output": "5"}), template=False),
    Case("without a template: a conversation", chat(USER, REPLY, USER, REPLY), refused="chat template", template=False),
    Case("a special token in the prompt", lines({**SUM, "prompt": "What is 2 + 3? <|end|>"}), seen=("What is 2 + 3?",)),
    Case("rows of two kinds", lines(SUM, {"messages": [USER, REPLY]}), learnt="55"),
]  # fmt: skip
