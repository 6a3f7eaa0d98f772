"""A row of a data file as documents to learn: its text, its conversation, or a prompt with what should follow.

Conversations come as OpenAI's `messages`, as ShareGPT's `conversations`, as `prompt` and `completion` (texts, parts or
messages, of which the completion alone is learnt), and as Alpaca's `instruction`, `input` and `output`.
"""

from collections.abc import Mapping
from typing import Any

from ...bounded_json import read_json
from ...tasks.conversations import as_conversation, is_conversation, read_conversation, read_text
from ...tasks.named_columns import is_nothing
from .chat_tokenizer import ChatTokenizer
from .conversation_turns import without_parts
from .sequence_packing import EncodedDocument

Row = Mapping[str, Any]
EXPECTED = "text, messages, conversations, prompt and completion, or instruction and output"
_CONVERSATIONS, _PROMPTS, _SYSTEMS = (
    ("messages", "conversations", "conversation"),
    ("prompt", "instruction", "chat", "question", "指令"),
    ("system", "system_prompt"),
)
_INPUTS = ("input", "context", "输入")
_COMPLETIONS = ("completion", "output", "response", "answer", "输出")


def row_documents(row: Row, chat: ChatTokenizer, length: int) -> list[EncodedDocument]:
    """The documents of a row, none longer than `length` tokens. Raises ValueError where there is nothing to learn, or
    where something is not understood."""
    if pairs := [name for name in ("chosen", "rejected") if name in row]:
        raise ValueError(
            f"{' and '.join(pairs)} are preferences, which this training does not learn; expected {EXPECTED}"
        )
    if (column := _column(row, _CONVERSATIONS)) is not None:
        return _encode(_whole_conversation(row, column), row, chat, length)
    if (column := _column(row, _PROMPTS)) is not None:
        return _encode(_prompt_and_completion(row, column), row, chat, length)
    if "text" in row:
        return _texts(_required(row, "text"), chat, length)
    raise ValueError(f"found {', '.join(row)}; expected {EXPECTED}")


def _column(row: Row, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in row), None)


def _required(row: Row, column: str) -> str:
    """The text in a column. Raises ValueError where there is none."""
    cell = row[column]
    if is_nothing(cell):
        raise ValueError(f"the {column} is {'empty' if cell == '' else 'null'}; expected a text")
    text = str(cell) if isinstance(cell, int | float) else read_text(cell, column)
    if not text.strip():
        raise ValueError(f"the {column} is empty; expected a text")
    return text


def _texts(text: str, chat: ChatTokenizer, length: int) -> list[EncodedDocument]:
    """A long text becomes several documents."""
    ids = chat.encode_text(text)
    parts = [ids[start : start + length] for start in range(0, len(ids), length)]
    return [EncodedDocument(part, [1.0] * len(part)) for part in parts]


def _whole_conversation(row: Row, column: str) -> list[dict[str, Any]]:
    turns = as_conversation(row[column])
    if not is_conversation(turns):
        raise ValueError(f"{column}: expected a list of objects with role and content")
    return _with_system(row, read_conversation(without_parts(turns)))


def _prompt_and_completion(row: Row, column: str) -> list[dict[str, Any]]:
    prompt, completion = as_conversation(row[column]), _column(row, _COMPLETIONS)
    if completion is None:
        raise ValueError(f"{column} without {' or '.join(_COMPLETIONS)}: there is nothing to learn")
    if is_conversation(prompt):
        turns = [{**turn, "weight": 0} for turn in read_conversation(prompt)]
    else:
        more = [row[name] for name in _INPUTS if column != "prompt" and not is_nothing(row.get(name))]
        asked = {"role": "user", "content": "\n\n".join([_required(row, column), *map(str, more)])}
        turns = [*_history(row.get("history")), asked]
    reply = as_conversation(row[completion])
    if is_conversation(reply):
        return [*turns, *read_conversation(reply)]
    return _with_system(row, [*turns, {"role": "assistant", "content": _required(row, completion)}])


def _history(cell: Any) -> list[dict[str, Any]]:
    """Earlier questions and answers, as LLaMA-Factory has them beside Alpaca's columns."""
    pairs = [] if is_nothing(cell) else cell
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ValueError(f"history: expected a list of pairs, found {str(cell)[:60]!r}")
    roles = {"role": "user"}, {"role": "assistant"}
    return [
        {**role, "content": read_text(text, "history")}
        for pair in pairs
        for role, text in zip(roles, pair, strict=True)
    ]


def _with_system(row: Row, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands in a column of its own for the system goes before the conversation."""
    column = _column(row, _SYSTEMS)
    text = None if column is None else row[column]
    return turns if is_nothing(text) else [{"role": "system", "content": str(text)}, *turns]


def _encode(turns: list[dict[str, Any]], row: Row, chat: ChatTokenizer, length: int) -> list[EncodedDocument]:
    for turn in turns:
        if turn["role"] == "assistant" and not turn["content"].strip() and not turn.get("tool_calls"):
            raise ValueError("a message of the assistant is empty: it would be taught to say nothing")
    if not chat.has_template and [turn["role"] for turn in turns] == ["user", "assistant"]:
        documents = [chat.encode_pair(turns[0]["content"], turns[1]["content"])]
    else:
        documents = chat.encode_conversation(turns, _tools(row.get("tools")))
    if (longest := max(len(document.ids) for document in documents)) > length:
        raise ValueError(f"{longest} tokens, and a row holds {length}; set a greater length")
    return documents


def _tools(cell: Any) -> list[dict[str, Any]] | None:
    """The tools of a row as chat templates take them; ShareGPT holds them as JSON text and without their wrapper."""
    if is_nothing(cell):
        return None
    try:
        tools = read_json(cell) if isinstance(cell, str) else cell
        return [tool if "function" in tool else {"type": "function", "function": dict(tool)} for tool in tools] or None
    except (ValueError, TypeError):
        raise ValueError(f"tools: expected a list of functions, found {str(cell)[:60]!r}") from None
