"""mini's tokenizer: byte-fallback BPE in which a digit or a Chinese character is one token and roles are special."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ...errors import BadInput

BEGIN, END = "<|begin|>", "<|end|>"
ROLES = ("system", "tools", "user", "assistant", "tool")
CALL = "<|call|>"
SPECIAL = (BEGIN, END, *(f"<|{role}|>" for role in ROLES), CALL)
SPACE = "\u2581"
PRE_TOKENS = rf"\d|{SPACE}?[A-Za-z']+|[\u3400-\u9fff]|{SPACE}?[^\sA-Za-z\d{SPACE}\u3400-\u9fff]|{SPACE}|\s"
TEMPLATE = """{{- '<|begin|>' -}}
{%- if tools -%}
{{- '<|tools|>' -}}
{%- for tool in tools -%}
{{- '- ' + (tool.function.description or '') + ': ' + tool.function.name + '(' -}}
{%- set parameters = tool.function.parameters or {} -%}
{%- for name, schema in (parameters.properties or {}) | items -%}
{{- name -}}
{%- if name not in (parameters.required or []) -%}{{- '?' -}}{%- endif -%}
{%- if schema.enum -%}{{- '=' + schema.enum | join('|') -}}
{%- elif schema.type is string and schema.type != 'string' -%}
{{- ':' + {'integer': 'int', 'boolean': 'bool', 'array': 'list'}.get(schema.type, schema.type) -}}
{%- endif -%}
{%- if not loop.last -%}{{- ', ' -}}{%- endif -%}
{%- endfor -%}
{{- ')' -}}
{%- if not loop.last -%}{{- '\\n' -}}{%- endif -%}
{%- endfor -%}
{{- '<|end|>' -}}
{%- endif -%}
{%- for message in messages -%}
{%- if message.content or not message.tool_calls -%}
{{- '<|' + message.role + '|>' + (message.content or '') + '<|end|>' -}}
{%- endif -%}
{%- for call in message.tool_calls or [] -%}
{{- '<|assistant|><|call|>{"name": "' + call.function.name + '", "arguments": ' -}}
{{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson -}}
{{- '}<|end|>' -}}
{%- endfor -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of `vocabulary` tokens: the special ones, 256 bytes, and merges learnt from `texts`."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True))
    spaces = pre_tokenizers.Metaspace(SPACE, prepend_scheme="always", split=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([spaces, pre_tokenizers.Split(Regex(PRE_TOKENS), "isolated")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[*SPECIAL, *bytes_],
        initial_alphabet=[chr(c) for c in range(33, 127)],
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer marks the byte tokens as special, and decoding would leave special tokens out.
    description: dict[str, Any] = json.loads(tokenizer.to_str())
    description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(description))


def special_token(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token. Raises BadInput."""
    token_id = tokenizer.token_to_id(token)
    if token_id is None:
        raise BadInput(f"the tokenizer has no {token}; expected one that was trained for mini")
    return int(token_id)
