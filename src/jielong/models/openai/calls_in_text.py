"""Tool calls that an endpoint without a parser leaves in the text, in the forms that models were taught.

Marked forms count wherever they stand; JSON and Python without marks only as the end of the reply, and only for tools
that were offered. What stands word for word in a text that the model was given is a quotation.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import islice
from typing import Any

from ...bounded_json import read_json, read_json_at
from ...contract import Message, Request, ToolSpec
from ..lenient_json import LONGEST, read_arguments
from ..parameter_schema import value_schema

Call = tuple[str, str]  # the name, and the arguments as JSON
Calls = list[Call]
MAX_QUOTED, MAX_MARKS = 200_000, 200  # characters of a message that are searched for quotations; marks that are tried
MAX_WORK = 200_000  # characters that attempts at calls may read in all, beyond the first: some tenths of a second
LONGEST_PROGRAM = 20_000
LONGEST_BEGINNING = 100  # characters of a mark, or of the beginning of a line, that are held back

_WORDS = ("[TOOL_CALLS]", "functools[")
_MARK = re.compile(
    r"<\|?(?:start_|\w+:)?(?:tool|function)_?(?:call|use)s?(?:_start|_section_begin|_begin)?\|?>|<function[ =]"
    r"|<function_calls>|<(?:｜DSML｜)?(?:invoke name=|function_calls>)|<｜tool▁calls?▁begin｜>"
    r"|<\|python_(?:tag|start)\|>|<\|(?:action_start|START_ACTION)\|>|(?:<\|start\|>assistant)?<\|channel\|>commentary"
    r"|\[TOOL_CALLS\]|functools\[",
    re.I,
)
_FENCE = r"```(?:tool_\w+|py(?:thon)?\b|\w*\s*(?=[\[{]))"
_BARE = r"^[ \t]*(?:\[\s*)?\{|^[ \t]*(?:\[\s*)?[A-Za-z_][\w.]*\("
_BEGINS = re.compile(f"{_MARK.pattern}|{_FENCE}|{_BARE}", re.M | re.I)
# What the end of a text in progress may become: a mark, a fence, a line of JSON or of Python
_MAY_BEGIN = re.compile(
    r"(?:<\|start\|>\w*)?(?:<\|channel\|>\w*)?(?:<[^>\n]{0,40})?\Z|```?`?\w*\s*\Z"
    r"|^[ \t]*(?:\[\s*)?(?:[A-Za-z_][\w.]*)?\Z",
    re.M,
)
_PREFIX = re.compile(r"^(?:functions?|tools?|default_api)[.:]")


class CallGate:
    """Passes the answer on as it comes, up to where a call may begin; after `finish`, `calls` and the `text` left."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.tools = {tool.name: tool for tool in request.tools} if request.tool_choice != "none" else {}
        self.calls = Calls()
        self._text = StringIO()  # linear, however many pieces there are
        self._end = ""  # of the text: what is held back, and as much before it as shows what it is
        self._passed = 0
        self._begun = False  # a call may have: nothing behind that place is heard before the end

    @property
    def text(self) -> str:
        return self._text.getvalue()

    def add(self, piece: str) -> str:
        self._text.write(piece)
        if not self.tools:
            self._passed += len(piece)
            return piece
        if self._begun:
            return ""
        text = self._end + piece
        start = len(text) - (self._text.tell() - self._passed)
        begins = _BEGINS.search(text, start)
        self._begun = begins is not None
        end = begins.start() if begins else min(len(text), max(start, _safe_end(text)))
        self._passed += end - start
        self._end = text[min(max(0, end - 1), max(0, len(text) - LONGEST_BEGINNING - 1)) :]
        return text[start:end]

    def finish(self, look: bool) -> str:
        """`look`: the reply has ended by itself and holds no other calls."""
        if look and self.tools:
            found = find_calls(self.text, self.tools, unmarked=self.request.schema is None)
            quoted = quoted_calls(self.request.messages, self.tools) if found else frozenset()
            if found and (calls := [call for call in found[0] if call not in quoted]):
                self.calls, left = calls, self.text[: found[1]]
                self._text = StringIO()
                self._text.write(left)
        return self.text[self._passed :]


def _safe_end(text: str) -> int:
    """Up to where no mark can have begun."""
    ends = [
        len(text) - n for n in range(1, min(12, len(text)) + 1) if any(word.startswith(text[-n:]) for word in _WORDS)
    ]
    may = _MAY_BEGIN.search(text, max(0, len(text) - LONGEST_BEGINNING))
    return min([*ends, *([may.start()] if may and may.group() else []), len(text)])


def quoted_calls(messages: Iterable[Message], tools: Mapping[str, ToolSpec]) -> frozenset[Call]:
    """The calls that stand in texts which the model did not write: it may repeat them without meaning them."""
    texts = (message.text for message in messages if message.role != "assistant")
    return frozenset(call for text in texts for call in _calls_anywhere(text[:MAX_QUOTED], tools))


def _calls_anywhere(text: str, tools: Mapping[str, ToolSpec]) -> Iterator[Call]:
    marked_work = work = MAX_WORK
    for begin in islice(_BEGINS.finditer(text), MAX_MARKS):
        source = text[begin.start() : begin.start() + LONGEST]
        if _MARK.match(source):
            marked_work -= len(source)
            yield from (_marked(source, tools) or ()) if marked_work > 0 else ()
            continue
        fenced = _SHUT_FENCE.match(source)
        source = fenced[1] if fenced else source.partition("\n\n")[0]
        work -= len(source)
        if work > 0:
            yield from _whole(source, tools)


def find_calls(text: str, tools: Mapping[str, ToolSpec], *, unmarked: bool = True) -> tuple[Calls, int] | None:
    """The calls of a reply, and where the first begins. None when there are none."""
    marks, marked_work, work = 0, MAX_WORK, MAX_WORK
    for begin in _BEGINS.finditer(text):
        start = begin.start()
        marked = _MARK.match(text, start) is not None
        if text[start - 1 : start] in ("`", '"', "'") or (not unmarked and not marked):
            continue
        if marked:
            marks += 1
            source = text[start : start + LONGEST]
            marked_work -= len(source) if marks > 3 else 0
            calls = _marked(source, tools) if marks <= MAX_MARKS and marked_work > 0 else None
        else:
            work -= len(text) - start
            calls = _unmarked(text[start:], tools) if work > 0 else None
        line = text[max(0, text.rfind("\n", 0, start)) : start] if calls else ""
        at_line_start = not line.strip(" \t\n")
        known = all(name in tools for name, _ in calls or ())
        if calls and (known or (marked and at_line_start)):
            return calls, start
    return None


def _marked(source: str, tools: Mapping[str, ToolSpec]) -> Calls | None:
    for read in (_xml_functions, _invocations, _arg_pairs, _named_json, _json_blocks):
        try:
            if calls := read(source, tools):
                return calls
        except (ValueError, RecursionError):
            continue
    return None


_FUNCTION = re.compile(r"<function=([^<>\s]{1,200})>(.*?)(?:</function>|(?=<function=)|\Z)", re.S)
_PARAMETER = re.compile(r"<parameter=([^<>\s]{1,200})>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.S)


def _xml_functions(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """Qwen3-Coder and Seed-OSS; Llama 3.1's custom form, with JSON inside."""
    calls = []
    for name, inside in _FUNCTION.findall(source):
        if inside.lstrip().startswith("{"):
            calls.append(_call(name, read_arguments(inside)))
        else:
            calls.append(_typed_call(name, _PARAMETER.findall(inside), tools))
    return calls


# What is never closed is read up to the next one: looking for its end from each would take quadratic time.
_INVOKE = re.compile(
    r"<(?:｜DSML｜)?(?:invoke|function) name=\"([^\"<>]{1,200})\">(.*?)"
    r"(</(?:｜DSML｜)?(?:invoke|function)>|(?=<(?:｜DSML｜)?(?:invoke|function) name=)|\Z)",
    re.S,
)
_INVOKE_PARAMETER = re.compile(
    r"<(?:｜DSML｜)?parameter name=\"([^\"<>]{1,200})\"(?: string=\"\w{1,20}\")?>(.*?)"
    r"(</(?:｜DSML｜)?parameter>|(?=<(?:｜DSML｜)?parameter name=)|\Z)",
    re.S,
)


def _invocations(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """Anthropic's old form, MiniMax M2, DeepSeek V3.2."""
    return [
        _typed_call(name, [(key, text) for key, text, shut in _INVOKE_PARAMETER.findall(inside) if shut], tools)
        for name, inside, shut in _INVOKE.findall(source)
        if shut
    ]


BLOCK = re.compile(r"<tool_call>(.*?)(?:</tool_call>|(?=<tool_call>)|\Z)", re.S)
_NAME = re.compile(r"[\w.:-]{1,200}")
_ARG_PAIR = re.compile(
    r"\s*<arg_key>((?:(?!<arg_key>).)*?)</arg_key>\s*<arg_value>((?:(?!<arg_key>).)*?)</arg_value>", re.S
)


def _arg_pairs(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """GLM 4.5 and later."""
    calls = []
    for block in BLOCK.findall(source):
        inside = block.strip()
        name = _NAME.match(inside)
        behind = inside[name.end() :] if name else inside
        if name is None or _ARG_PAIR.sub("", behind).strip() or (not behind and name[0] not in tools):
            return []
        calls.append(_typed_call(name[0], _ARG_PAIR.findall(behind), tools))
    return calls


# A name, then JSON: DeepSeek V3 and V3.1, Kimi K2, gpt-oss, Mistral from v7
_NAMED = re.compile(
    r"(?:<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?|<\|tool_call_begin\|>\s{0,9}"
    r"|<\|channel\|>commentary to=|\[TOOL_CALLS\]\s{0,9}|<start_function_call>\s{0,9}call:)"
    r"(?P<name>[A-Za-z_][\w.-]{0,200})(?::\d{1,9})?"
    r"(?:<｜tool▁sep｜>|\s{0,9}<\|tool_call_argument_begin\|>"
    r"|\s{0,9}(?:<\|constrain\|>\s{0,9}json|json)?\s{0,9}<\|message\|>"
    r"|\[CALL_ID\]\w{1,100}|\[ARGS\]){0,9}\s{0,9}(?:```(?:json)?)?\s{0,9}(?=\{)"
)


def _named_json(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    source = source.replace("<escape>", '"')  # FunctionGemma's quotation marks
    return [_call(match["name"], _first_json(source[match.end() :])) for match in _NAMED.finditer(source)]


def _json_blocks(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """Hermes and its kin, Mistral's list, Llama's tag: a mark, then one object, several, or a list; or Python."""
    if blocks := BLOCK.findall(source):
        return [call for block in blocks for call in _calls_of(_values(block), bare=False)]
    inside = _MARK.sub("[" if source.startswith("functools[") else "", source, count=1)
    inside = re.sub(r"^\s*<\|plugin\|>|</[A-Za-z_]+>\s*\Z", "", inside).strip()
    if calls := _python(re.sub(r"<\|[\w/]+\|>\s*\Z", "", inside), tools):
        return calls
    return _calls_of(_values(inside), bare=False)


_END_TOKENS = re.compile(r"(?:<\|\w+\|>|</s>)+\s*\Z")
_SHUT_FENCE = re.compile(r"```[ \t]*\w*[ \t]*\n?(.*?)(?:```|\Z)", re.S)


def _unmarked(source: str, tools: Mapping[str, ToolSpec]) -> Calls | None:
    """JSON or Python that is the end of the reply, in fences or bare."""
    inside = source
    if source.startswith("```"):
        if _SHUT_FENCE.sub("", source).strip():
            return None
        inside = "\n".join(_SHUT_FENCE.findall(source))
    body, end = inside[:-LONGEST_BEGINNING], inside[-LONGEST_BEGINNING:]
    calls = _whole(body + _END_TOKENS.sub("", end), tools)
    return calls if all(name in tools for name, _ in calls) else None


def _whole(text: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """The calls that are all of a text, as JSON or as Python."""
    try:
        values, rest = _leading_values(text.strip())
        if values and not rest:
            by_name = [v for v in values if isinstance(v, dict) and len(v) == 1 and v.keys() <= tools.keys()]
            if len(by_name) == len(values):
                return [_call(name, value) for v in by_name for name, value in v.items() if isinstance(value, dict)]
            return _calls_of(values, bare=True)
    except (ValueError, RecursionError):
        return []
    return _python(text.strip(), tools)


def _leading_values(text: str) -> tuple[list[Any], str]:
    """The JSON values that a text begins with, and what follows them."""
    values: list[Any] = []
    at = 0
    while text[at : at + 1] in ("{", "["):
        try:
            value, at = read_json_at(text, at)
        except ValueError:
            break
        values.append(value)
        while text[at : at + 1] in _BETWEEN:
            at += 1
    return values, text[at:]


_BETWEEN = tuple(" \t\r\n;,")


def _values(text: str) -> list[Any]:
    values, _ = _leading_values(text.strip())
    return values or [read_arguments(text)]


def _first_json(text: str) -> Any:
    try:
        return read_json_at(text)[0]
    except ValueError:
        return read_arguments(re.split(r"<(?:[/|｜]|end_)", text)[0])


_NAME_KEYS = ("name", "tool_name", "tool", "action", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "action_input", "tool_input", "tool_arguments")
_INNER_KEYS = ("function", "function_call", "tool_call")
_CALL_KEYS = {"type", "id", "tool_call_id", "index", *_NAME_KEYS, *_ARGUMENT_KEYS, *_INNER_KEYS}


def _calls_of(values: Iterable[Any], *, bare: bool) -> Calls:
    """Objects as calls. A bare one must have arguments and nothing that no call has. Raises ValueError for others."""
    calls: Calls = []
    for value in values:
        if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
            value = value["tool_calls"]
        if isinstance(value, list):
            calls += _calls_of(value, bare=bare)
            continue
        if not isinstance(value, dict):
            raise ValueError("not a call")
        body = next((value[k] for k in _INNER_KEYS if isinstance(value.get(k), dict)), value)
        name = next((body[k] for k in _NAME_KEYS if isinstance(body.get(k), str)), None)
        arguments = next((body[k] for k in _ARGUMENT_KEYS if k in body), None)
        if isinstance(arguments, str):
            arguments = read_arguments(arguments)
        if not name or (bare and (not isinstance(arguments, dict) or value.keys() - _CALL_KEYS)):
            raise ValueError("not a call")
        calls.append(_call(name, arguments or {}))
    return calls


def _call(name: str, arguments: Any) -> Call:
    return _PREFIX.sub("", name), json.dumps(arguments, ensure_ascii=False, sort_keys=True)


def _typed_call(name: str, pairs: Sequence[tuple[str, str]], tools: Mapping[str, ToolSpec]) -> Call:
    """Arguments that were written as texts, in the types of the tool's schema."""
    name = _PREFIX.sub("", name)
    schema = tools[name].parameters if name in tools else {}
    properties = schema.get("properties", {})
    arguments = {}
    for key, text in pairs:
        types = value_schema(properties.get(key), schema).types
        text = text.removeprefix("\n").removesuffix("\n")
        arguments[key] = text if set(types) <= {"string", "null"} and types else _json_or_text(text, types)
    return _call(name, arguments)


def _json_or_text(text: str, types: Sequence[str]) -> Any:
    try:
        value = read_json(text)
    except ValueError:
        return text
    return text if "string" in types and isinstance(value, dict | list) else value


def _python(source: str, tools: Mapping[str, ToolSpec]) -> Calls:
    """`[f(a=1), g(b=2)]` (Llama 3.2, Llama 4), or statements that call, printed or not (Gemma)."""
    if len(source) > LONGEST_PROGRAM:
        return []
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    expressions = [s.value if isinstance(s, ast.Expr) else None for s in statements]
    if len(expressions) == 1 and isinstance(expressions[0], ast.List):
        expressions = list(expressions[0].elts)
    calls = [_python_call(expression, tools) for expression in expressions]
    return [call for call in calls if call] if calls and all(calls) else []


def _python_call(expression: ast.expr | None, tools: Mapping[str, ToolSpec]) -> Call | None:
    if isinstance(expression, ast.Call) and ast.unparse(expression.func) == "print" and len(expression.args) == 1:
        expression = expression.args[0]
    if not isinstance(expression, ast.Call):
        return None
    name = _PREFIX.sub("", ast.unparse(expression.func)).removesuffix(".call")
    if name not in tools:
        return None
    names = list(tools[name].parameters.get("properties", {}))
    try:
        arguments = {names[n]: ast.literal_eval(value) for n, value in enumerate(expression.args)}
        arguments |= {str(k.arg): ast.literal_eval(k.value) for k in expression.keywords if k.arg}
        return _call(name, arguments)
    except (ValueError, IndexError, TypeError, SyntaxError, RecursionError):
        return None
