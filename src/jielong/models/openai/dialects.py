"""How endpoints deviate from the protocol that they speak: all that is known, as data.

What is not listed here is not guessed: it is reported in the endpoint's own words and not asked again. Words are
matched in lower case against the message of an error, codes against its `code`, `type` and `status`.
"""

import re
from typing import Final, Literal, TypeAlias

from ...contract import Finish

FinishOrFailure: TypeAlias = Finish | Literal["failed"]

# finish_reason, in lower case, its letters alone and without the prefix FINISH_REASON_; the first that matches
FINISHES: Final[tuple[tuple[FinishOrFailure, re.Pattern[str]], ...]] = (
    ("length", re.compile(r".*(?:length|tokenlimit)|max.*tokens|modelcontextwindowexceeded|incomplete")),
    ("tool_calls", re.compile(r"tool(?:calls?|use)|functioncalls?")),
    ("refused", re.compile(r".*(?:filter|safety|block|prohibit|sensitive|guardrail|policy).*|refusal|recitation|spii")),
    (
        "failed",
        re.compile(r"[a-z]*error|insufficientsystemresource|abort(?:ed)?|cancell?ed|timeout|malformedfunctioncall"),
    ),
    ("stop", re.compile(r"|none|normal|(?:eos|stop|end|complete|finish|done)[a-z]*")),
)

INPUT_TOKENS: Final = ("prompt_tokens", "input_tokens", "promptTokens", "promptTokenCount", "prompt_eval_count")
OUTPUT_TOKENS: Final = (
    "completion_tokens", "output_tokens", "completionTokens", "candidatesTokenCount", "eval_count",
)  # fmt: skip
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
THOUGHT_FIELDS: Final = ("reasoning_content", "reasoning", "thinking", "reasoning_text")
THOUGHT_LISTS: Final = ("reasoning_details", "thinking_blocks")  # OpenRouter; LiteLLM's Anthropic
THOUGHT_PARTS: Final = ("thinking", "redacted_thinking", "reasoning", "reasoning_content")  # Mistral, Anthropic
SILENT_PARTS: Final = ("reference", "citation", "redacted_thinking")  # hold nothing that is said
CALL_SIGNATURES: Final = ("extra_content", "provider_specific_fields", "thought_signature")  # Gemini, and proxies of it

# Models whose templates are known to begin thoughts: what they stream is an answer only once that is certain.
THINKING_MODELS: Final = re.compile(
    r"\br1\b|qwq|think|reason|qwen3|glm-?(?:4\.[5-9]|[5-9])|magistral|minimax-m|nemotron|seed-oss"
    r"|\bring\b|exaone|deepcogito"
)
HELD_CHARACTERS: Final = 400  # of what any other model streams, at an endpoint that is not known to separate thoughts

RETRIED_STATUSES: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})

# Codes of errors inside HTTP 200 that are no HTTP status themselves
BODY_CODES: Final = {
    "1002": 429, "1004": 401, "1008": 402, "1013": 500, "1039": 429, "2049": 401,  # MiniMax
    "17": 402, "18": 429, "110": 401, "111": 401, "336007": 413, "336100": 503,  # Baidu
}  # fmt: skip

# A limit of the moment is waited for, whatever else is said; so a quota alone is no account without money.
OF_THE_MOMENT: Final = re.compile(
    r"per[_ -](?:second|min|minute|hour)|\b[rt]p[ms]\b|rate[ _-]?limit|throttl|too many requests|retry in|refill"
    r"|频率|速率|频繁"
)

NO_MONEY_CODES: Final = frozenset({
    "insufficient_quota", "billing_not_active", "billing_hard_limit_reached",  # OpenAI
    "exceeded_current_quota_error",  # Moonshot
    "1113",  # Zhipu
    "Arrearage", "AllocationQuota.FreeTierOnly",  # Aliyun
    "insufficient_user_quota", "pre_consume_token_quota_failed",  # One API and its kin
    "AccountOverdueError",  # Volcengine
    "30001",  # SiliconFlow
    "ResourcePackExhausted",  # Tencent
    "insufficient_credits",
})  # fmt: skip
MONEY: Final = re.compile(
    r"\b(?:balance|credits?|funds|trial|free (?:tier|quota)|billing(?! details)|(?:pre)?payment|paid plan)\b"
    r"|余额|余量|额度|费用|账户|账号|欠费|套餐"
)
SPENT: Final = re.compile(
    r"insufficient|not (?:have )?enough|no (?:remaining|more|available)|out of|used (?:up|all)|exhaust|deplet|has ended"
    r"|negative|expired|exceeded|too low|reached|purchase|recharge|top up|upgrade|requires more|add (?:a |funds|credit)"
    r"|activate|不足|用完|用尽|耗尽|充值|欠费|到期|续费"
)
NO_MONEY_WORDS: Final = re.compile(
    r"insufficient_balance|overdue|in arrears|spending limit|billing (?:hard )?limit|key limit exceeded"
    r"|daily request limit"
)

OVERFLOW_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error", "1261"})
# A text is too long where all three are said: of what, that it is too much, and in what it is measured.
LONG_TEXT: Final = re.compile(r"context|prompt|inputs?\b|tokens?\b|messages?\b|request|上下文|输入|文本|prompt")
TOO_MUCH: Final = re.compile(
    r"exceed|overflow|too (?:long|large|many|big)|(?:longer|more|larger|greater) than|maximum (?:context length|of \d)"
    r"|reduce the length|must be <=|should be \[|context is \d|超过|超出|超长|过长|太长"
)
MEASURE: Final = re.compile(
    r"context|tokens?\b|length|characters|max_model_len|too (?:long|large)|上下文|长度|[过太超]长"
)
TOO_MANY_ASKED: Final = re.compile(
    r"max_(?:completion_)?tokens'?\"?(?: or \S+)? (?:is|are) too large|(?:string|array) too long"
)
NEVER_FITS: Final = re.compile(r"request too large")  # said of a limit per minute that this request alone exceeds

NO_MODEL_CODES: Final = frozenset({"model_not_found", "ModelNotFound", "1211", "InvalidEndpointOrModel.NotFound"})
NO_MODEL_WORDS: Final = re.compile(
    r"\bmodel\b[^.]{0,80}?(?:does ?n[o']t exist|not exist|not found)|(?:no such|unknown|invalid"
    r"|unsupported|not a valid) model\b"
    r"|model name is invalid|模型不存在"
)

BAD_KEY_CODES: Final = frozenset({"invalid_api_key", "InvalidApiKey", "UNAUTHENTICATED"})
BAD_KEY_WORDS: Final = re.compile(
    r"api[ _-]?key (?:is )?(?:not valid|invalid|missing|expired|incorrect)|(?:invalid|incorrect|no) api[ _-]?key"
    r"|unauthori[sz]ed"
)

BLOCKED: Final = re.compile(
    r"content[ _]?(?:filter|policy|management)|data_?inspection_?failed|sensitive(?:content| information)|responsibleai"
    r"|inappropriate content|moderation|usage polic|safety|敏感|不安全|违规"
)

PASSING_WORDS: Final = re.compile(
    r"overloaded|try again|please retry|temporarily|timed out|timeout|at capacity"
    r"|(?:server|service|model) is (?:currently )?(?:busy|not ready|loading)|请稍后|繁忙"
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
    r"|only (?:the default|one|[\d.]+).{0,20}(?:allowed|supported|permitted)|verified to stream|not recognized"
    r"|unknown arguments?|not part of|cannot be changed|(?:must|only) be (?:set to )?[\d.]+(?= for| when|$)"
    r"|can only specify one|not possible|disabled|not a valid|simultaneously|不支持|不可用|不允许|[仅只](?:支持|允许"
    r"|能为)|不能同时|无法识别|未知参数|已弃用"
)
WRONG_VALUE_WORDS: Final = re.compile(  # the setting is known, and its value is the caller's mistake
    r"between|less|greater|[<>]|integer|number|range|above|below|minimum|maximum|at (?:most|least)|expected|must be"
    r"|invalid type|too (?:large|small|high|low)|取值|范围|之间"
)
ONE_OF_TWO: Final = re.compile(r"\bboth\b|same time|simultaneously|together|only (?:specify )?one|同时")

TOOLS: Final = re.compile(
    r"\btools\b(?![\[.])|\b(?:function/)?tool (?:use|calls?|calling|support|choice requires|parser)"
    r"|function[ _-]?call(?:ing|s)?\b"
    r"|工具|函数调用"
)
NO_TOOLS_WORDS: Final = re.compile(r"\b(?:not?|cannot|can't|unable|only|requires?|enabled?|disabled)\b|n't\b|--|不|未")


NO_SYSTEM_WORDS: Final = re.compile(
    r"(?:system|developer)['\"`]? (?:role|messages?|instructions?|prompts?)? ?(?:is |are )?"
    r"not (?:supported|allowed|enabled)"
    r"|not support (?:the )?['\"`]?(?:system|developer)|不支持 ?system"
)
