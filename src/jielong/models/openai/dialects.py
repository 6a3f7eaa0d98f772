"""How endpoints deviate from the protocol that they speak: all that is known, as data.

What is not listed here is not guessed: it is reported in the endpoint's own words and not asked again. Words are
matched in lower case against the message of an error, codes against its `code`, `type` and `status`.
"""

import re
from typing import Final, Literal, TypeAlias

from ...contract import Finish

FinishOrFailure: TypeAlias = Finish | Literal["failed"]

# finish_reason, in lower case and without the prefix FINISH_REASON_
FINISHES: Final[dict[str, FinishOrFailure]] = {
    **dict.fromkeys(
        ("stop", "eos", "eos_token", "eos_found", "end_turn", "stop_sequence", "stop_token", "complete", "completed",
         "done", "end", "normal", "finished", "", "none"), "stop"),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "max_length", "model_length", "token_limit", "incomplete",
         "model_context_window_exceeded", "context_length_exceeded"), "length"),
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"), "tool_calls"),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "refusal", "safety", "recitation", "blocklist", "prohibited_content",
         "spii", "image_safety", "sensitive", "guardrail_intervened", "blocked"), "refused"),
    **dict.fromkeys(
        ("error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "timeout",
         "malformed_function_call", "server_error"), "failed"),
}  # fmt: skip

INPUT_TOKENS: Final = ("prompt_tokens", "input_tokens", "promptTokenCount", "prompt_eval_count")
OUTPUT_TOKENS: Final = ("completion_tokens", "output_tokens", "candidatesTokenCount", "eval_count")
CACHED_TOKENS: Final = (
    "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens", "prompt_cache_hit_tokens",
    "cached_tokens", "cache_read_input_tokens",
)  # fmt: skip
UNCOUNTED_INPUT: Final = (
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)  # not among Anthropic's input_tokens
REASONING_TOKENS: Final = (
    "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens",
)  # fmt: skip

# Thoughts: fields that hold a text, fields that hold a list to be sent back unchanged, types of content parts
THOUGHT_FIELDS: Final = ("reasoning_content", "reasoning", "thinking")
THOUGHT_LISTS: Final = ("reasoning_details", "thinking_blocks")  # OpenRouter; LiteLLM's Anthropic
THOUGHT_PARTS: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")  # Mistral, Anthropic
SILENT_PARTS: Final = ("reference", "citation", "redacted_thinking")  # hold nothing that is said
CALL_SIGNATURES: Final = ("extra_content", "provider_specific_fields", "thought_signature")  # Gemini, and proxies of it

# Thoughts within the text: how they begin and end
THOUGHT_MARKS: Final = (
    ("<think>", "</think>"),  # DeepSeek R1, Qwen3, MiniMax and most others
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
    ("<|start_thinking|>", "<|end_thinking|>"),  # Command A
)
LONE_ENDS: Final = tuple(end for _, end in THOUGHT_MARKS if not end.startswith("<|"))  # where the template begins them
ANSWER_BEGINS: Final = (
    "<|start|>assistant<|channel|>final<|message|>",
    "<|channel|>final<|message|>",
    "<|start_response|>",
)
ANSWER_ENDS: Final = ("<|return|>", "<|end|>", "<|end_response|>")
# Models whose templates are known to begin thoughts: what they stream is an answer only once that is certain.
THINKING_MODELS: Final = re.compile(
    r"\br1\b|qwq|think|reason|qwen3|glm-?(?:4\.[5-9]|[5-9])|magistral|minimax-m|nemotron|seed-oss|\bring\b|exaone|deepcogito"
)
HELD_CHARACTERS: Final = 400  # of what any other model streams, at an endpoint that is not known to separate thoughts

RETRIED_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})

# Codes of errors inside HTTP 200 that are no HTTP status themselves
BODY_CODES: Final = {
    "1002": 429, "1004": 401, "1008": 402, "1013": 500, "1039": 429, "2049": 401,  # MiniMax
    "17": 402, "18": 429, "110": 401, "111": 401, "336007": 413, "336100": 503,  # Baidu
}  # fmt: skip

# A plain "exceeded your current quota" is not among these: Gemini says it of a limit per minute, too.
NO_MONEY_CODES: Final = frozenset({
    "insufficient_quota", "billing_not_active", "billing_hard_limit_reached",  # OpenAI
    "exceeded_current_quota_error",  # Moonshot
    "1113",  # Zhipu
    "Arrearage", "AllocationQuota.FreeTierOnly",  # Aliyun
    "insufficient_user_quota", "pre_consume_token_quota_failed",  # One API and its kin
    "AccountOverdueError",  # Volcengine
    "30001",  # SiliconFlow
    "ResourcePackExhausted",  # Tencent
})  # fmt: skip
NO_MONEY_WORDS: Final = re.compile(
    r"insufficient[ _](?:account )?(?:balance|funds|credits?)|balance (?:is )?(?:not enough|too low|insufficient)"
    r"|(?:out of|more|all available|monthly included) credits|credits? (?:are|is|ha\w+ been) (?:depleted|exhausted)"
    r"|overdue|in arrears|spending limit|billing (?:hard )?limit|key limit exceeded|add a payment method"
    r"|free tier of the model has been exhausted|daily request limit"
    r"|余额不足|欠费|额度不足|账户余额|余量已用尽|余额已用尽"
)

OVERFLOW_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error", "1261"})
OVERFLOW_WORDS: Final = re.compile(
    r"(?:maximum|max|exceeds?(?: the)?(?: available)?|than the|of the|model'?s?) (?:context|model token|input)[ -]?"
    r"(?:length|window|size|limit|characters)|exceeds? (?:the )?(?:context|model limit|maximum number of tokens)"
    r"|exceeded model token limit|token length exceed|(?:prompt|input|request) (?:is )?too (?:long|large)"
    r"|range of input length|tokens . `?max_new_tokens|reduce the length|超长|超过(?:了)?(?:模型)?(?:的)?最大|过长"
)
TOO_MANY_ASKED: Final = re.compile(r"max_(?:completion_)?tokens'?\"?(?: or \S+)? (?:is|are) too large")

NO_MODEL_CODES: Final = frozenset({"model_not_found", "ModelNotFound", "1211", "InvalidEndpointOrModel.NotFound"})
NO_MODEL_WORDS: Final = re.compile(
    r"\bmodel\b[^.]{0,80}?(?:does ?n[o']t exist|not exist|not found)|(?:no such|unknown) model|model name is invalid"
    r"|模型不存在"
)

BLOCKED: Final = re.compile(
    r"content_filter|content_policy|data_?inspection_?failed|sensitivecontent|responsibleaipolicy|contentfilter"
)

PASSING_WORDS: Final = re.compile(
    r"overloaded|try again later|please retry|too many requests|rate limit|temporarily|timed out|timeout|at capacity"
    r"|(?:server|service|model) is (?:busy|not ready|loading)|请稍后|繁忙|过于频繁"
)

# Settings of the body. Those that are omitted change nothing that was asked for but chance, and it is said.
OMITTED_SETTINGS: Final = frozenset({"temperature", "top_p", "seed", "max_tokens", "stream_options", "stream"})
NAMES_OF_SETTINGS: Final = {  # how a refusal calls a setting, where not by its name
    "response_format": r"response_format|json_schema|structured[ _]outputs?",
    "logprobs": r"(?:top_)?logprobs",
    "stream": r"stream(?:ing)?",
    "stop": r"['\"`]stop['\"`]|stop (?:words?|sequences?)|stop(?= (?:is|parameter|参数))",
}
NOT_TAKEN_CODES: Final = frozenset(
    {"unsupported_parameter", "unsupported_value", "unknown_parameter", "extra_forbidden"}
)
NOT_TAKEN_WORDS: Final = re.compile(
    r"unsupported|(?:not|n't|no) (?:currently |yet |have )?support|un(?:recognized|known|expected) (?:\w+ )?"
    r"(?:parameter|name|field|argument|keyword|option|property|setting|input)"
    r"|(?:parameter|field|argument|name|option|property): unknown"
    r"|unknown field|not (?:allowed|permitted|available|implemented|enabled|configured)|unavailable|deprecated"
    r"|was unexpected|must not be|cannot (?:both )?be (?:specified|set|used)|extra (?:inputs|fields)"
    r"|only (?:the default|one|[\d.]+).{0,20}(?:allowed|supported|permitted)|verified to stream"
    r"|不支持|不可用|不允许|仅支持|只支持|不能同时|无法识别|未知参数|已弃用"
)
ONE_OF_TWO: Final = re.compile(r"\bboth\b|same time|together|only one|同时")

TOOLS: Final = re.compile(
    r"\btools\b(?![\[.])|\btool (?:use|calls?|calling|support|choice requires|parser)|function[ _-]?call(?:ing|s)?\b"
    r"|工具|函数调用"
)
NO_TOOLS_WORDS: Final = re.compile(r"requires?\b|no endpoints found|cannot use|no tool parser|not handle")

NO_SYSTEM_WORDS: Final = re.compile(
    r"(?:system|developer)['\"`]? (?:role|messages?|instructions?|prompts?)? ?(?:is |are )?"
    r"not (?:supported|allowed|enabled)"
    r"|not support (?:the )?['\"`]?(?:system|developer)|不支持 ?system"
)
