"""Tool calls as texts, in the forms that models were taught; and texts that look like calls and are none."""

from endpoint.wire import Json
from jielong.contract import ToolSpec

ADD = ToolSpec(
    "add",
    "Adds",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "number"}, "note": {"type": "string"}},
        "required": ["a", "b"],
    },
)
ROME = {"city": "Rome"}
ONE = [("get_weather", ROME)]
TWO = [("get_weather", ROME), ("get_time", {"city": "Oslo"})]
J = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
J2 = '{"name": "get_time", "arguments": {"city": "Oslo"}}'
DS = "<｜tool▁calls▁begin｜>"
FORMS: dict[str, tuple[str, list[tuple[str, Json]], str]] = {  # the text, the calls, what is left of the text
    "Hermes": (f"<tool_call>\n{J}\n</tool_call>", ONE, ""),
    "Hermes, two": (f"<tool_call>\n{J}\n</tool_call>\n<tool_call>\n{J2}\n</tool_call>", TWO, ""),
    "Hermes after a text": (f"Let me look.\n<tool_call>\n{J}\n</tool_call>", ONE, "Let me look.\n"),
    "Hermes, not closed": (f"<tool_call>\n{J}\n", ONE, ""),
    "Hermes, made-up results": (f"<tool_call>{J}</tool_call>\n<tool_response>rain</tool_response>\nRain.", ONE, ""),
    "Hermes, parameters": ('<tool_call>{"name": "get_weather", "parameters": {"city": "Rome"}}</tool_call>', ONE, ""),
    "Hermes, Python's quotes": (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Rome'}}</tool_call>",
        ONE,
        "",
    ),
    "Qwen3-Coder": (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>\n</tool_call>",
        ONE,
        "",
    ),
    "Qwen3-Coder, types": (
        "<tool_call>\n<function=add>\n<parameter=a>\n3\n</parameter>\n<parameter=b>\n4.5\n</parameter>\n"
        "<parameter=note>\n7\n</parameter>\n</function>\n</tool_call>",
        [("add", {"a": 3, "b": 4.5, "note": "7"})],
        "",
    ),
    "Qwen3-Coder, without the outer mark": (
        "<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>",
        ONE,
        "",
    ),
    "Qwen3-Coder, several lines": (
        "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\n<parameter=b>\n2\n</parameter>\n"
        "<parameter=note>\nline 1\n  line 2\n</parameter>\n</function>\n</tool_call>",
        [("add", {"a": 1, "b": 2, "note": "line 1\n  line 2"})],
        "",
    ),
    "Mistral": (f"[TOOL_CALLS][{J}]", ONE, ""),
    "Mistral, two": (f"[TOOL_CALLS] [{J}, {J2}]", TWO, ""),
    "Mistral v11": ('[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}', ONE, ""),
    "Mistral v11, two": (
        '[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}[TOOL_CALLS]get_time[ARGS]{"city": "Oslo"}',
        TWO,
        "",
    ),
    "Mistral v11 with ids": ('[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]{"city": "Rome"}', ONE, ""),
    "Mistral v7, bare": ('[TOOL_CALLS]get_weather{"city": "Rome"}', ONE, ""),
    "DeepSeek V3": (
        f'{DS}<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{{"city": "Rome"}}\n```'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        ONE,
        "",
    ),
    "DeepSeek V3, two": (
        f'{DS}<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{{"city": "Rome"}}\n```'
        "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n"
        '{"city": "Oslo"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        TWO,
        "",
    ),
    "DeepSeek V3.1": (
        f'{DS}<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{{"city": "Rome"}}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        ONE,
        "",
    ),
    "DeepSeek V3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" '
        'string="true">Rome</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
        ONE,
        "",
    ),
    "Llama 3.1": ('<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}', ONE, ""),
    "Llama 3.1, bare": ('{"name": "get_weather", "parameters": {"city": "Rome"}}', ONE, ""),
    "Llama 3.1, two": (
        '{"name": "get_weather", "parameters": {"city": "Rome"}}; {"name": "get_time", "parameters": {"city": "Oslo"}}',
        TWO,
        "",
    ),
    "Llama 3.1, of type function": (
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Rome"}}',
        ONE,
        "",
    ),
    "Llama 3.1, custom": ('<function=get_weather>{"city": "Rome"}</function>', ONE, ""),
    "Llama 3.2, pythonic": ('[get_weather(city="Rome")]', ONE, ""),
    "Llama 4, pythonic": ("<|python_start|>[get_weather(city='Rome'), get_time(city='Oslo')]<|python_end|>", TWO, ""),
    "pythonic, two": ("[get_weather(city='Rome'), get_time(city='Oslo')]", TWO, ""),
    "Kimi K2": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
        '{"city": "Rome"}<|tool_call_end|><|tool_calls_section_end|>',
        ONE,
        "",
    ),
    "GLM 4.5": ("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n</tool_call>", ONE, ""),
    "GLM 4.5, types": (
        "<tool_call>add\n<arg_key>a</arg_key>\n<arg_value>3</arg_value>\n<arg_key>b</arg_key>\n"
        "<arg_value>4</arg_value>\n</tool_call>",
        [("add", {"a": 3, "b": 4})],
        "",
    ),
    "MiniMax M2": (
        '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Rome</parameter>\n</invoke>\n'
        "</minimax:tool_call>",
        ONE,
        "",
    ),
    "Anthropic's old form": (
        '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Rome</parameter>\n'
        "</invoke>\n</function_calls>",
        ONE,
        "",
    ),
    "Granite": (f"<|tool_call|>[{J}]", ONE, ""),
    "Phi-4-mini": (f"<|tool_call|>[{J}]<|/tool_call|>", ONE, ""),
    "functools": (f"functools[{J}]", ONE, ""),
    "Hunyuan": (f"<tool_calls>[{J}]</tool_calls>", ONE, ""),
    "InternLM": (
        '<|action_start|><|plugin|>\n{"name": "get_weather", "parameters": {"city": "Rome"}}<|action_end|>',
        ONE,
        "",
    ),
    "Seed-OSS": (
        "<seed:tool_call>\n<function=get_weather>\n<parameter=city>Rome</parameter>\n</function>\n</seed:tool_call>",
        ONE,
        "",
    ),
    "Command R7B": (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Rome"}}]'
        "<|END_ACTION|>",
        ONE,
        "",
    ),
    "gpt-oss": (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Rome"}<|call|>',
        ONE,
        "",
    ),
    "Gemma": ('```tool_code\nget_weather(city="Rome")\n```', ONE, ""),
    "Gemma, printed": ('```tool_code\nprint(get_weather(city="Rome"))\n```', ONE, ""),
    "fenced JSON": (f"```json\n{J}\n```", ONE, ""),
    "fenced JSON after a text": (f"I will look it up.\n\n```json\n{J}\n```", ONE, "I will look it up.\n\n"),
    "fenced list": (f"```json\n[{J}, {J2}]\n```", TWO, ""),
    "fenced, without a language": (f"```\n{J}\n```", ONE, ""),
    "fenced as tool_call": (f"```tool_call\n{J}\n```", ONE, ""),
    "bare JSON": (J, ONE, ""),
    "bare JSON over lines": ('{\n  "name": "get_weather",\n  "arguments": {\n    "city": "Rome"\n  }\n}', ONE, ""),
    "bare list": (f"[{J}, {J2}]", TWO, ""),
    "bare JSON after a text": (f"Sure.\n{J}", ONE, "Sure.\n"),
    "OpenAI's own form": (
        '{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}}',
        ONE,
        "",
    ),
    "tool_calls object": (
        '{"tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}]}',
        ONE,
        "",
    ),
    "a tool that is not there": (
        '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>',
        [("weather", ROME)],
        "",
    ),  # meant as a call: who runs the tools says so
    "a prefix of the name": (
        '<tool_call>{"name": "functions.get_weather", "arguments": {"city": "Rome"}}</tool_call>',
        ONE,
        "",
    ),
    "thoughts before": (f"<think>I need the weather.</think>\n<tool_call>\n{J}\n</tool_call>", ONE, ""),
    "thoughts before a bare one": (f"<think>I need the weather.</think>\n\n{J}", ONE, ""),
}
NO_CALLS = {
    "another object": '{"name": "Rome", "arguments": {"pro": 1}}',
    "a tool that is not there": '{"name": "delete_all", "arguments": {}}',
    "marked within a sentence, and not there": 'It would write <tool_call>{"name": "delete_all"}</tool_call> then.',
    "JSON as the answer": '{"city": "Rome", "weather": "sunny"}',
    "a name alone": '{"name": "get_weather"}',
    "an explanation": 'You could call get_weather(city="Rome") for that.',
    "in inline code": f"Write `<tool_call>{J}</tool_call>` to call it.",
    "JSON, then an explanation": f"```json\n{J}\n```\nThis is how such a call would look like.",
    "code": "```python\nprint(get_weather(city='Rome'))\n```\nThis prints it.",
    "a list": "[1] Smith, 2020\n[2] Jones, 2021",
    "a link": "[Rome](https://example.org) is sunny.",
    "the mark alone": "The mark <tool_call> opens a call.",
    "a fence": '```json\n{"city": "Rome"}\n```',
    "plain": "It is sunny in Rome.",
}
