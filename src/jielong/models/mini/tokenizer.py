"""How mini's texts become tokens: byte-fallback BPE; a digit or a Chinese character is one token; roles are special."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from ...errors import BadInput
from ...world import document
from ...world.training_examples import Document
from ...world.vocabulary import SYLLABLES

BEGIN, END = "<|begin|>", "<|end|>"
ROLES = ("system", "tools", "user", "assistant", "tool")
CALL = "<|call|>"
SPECIAL = (BEGIN, END, *(f"<|{role}|>" for role in ROLES), CALL)
SPACE = "\u2581"
NAMES = 100_000
PIECES = rf"\d|{SPACE}?[A-Za-z']+|[\u3400-\u9fff]|{SPACE}?[^\sA-Za-z\d{SPACE}\u3400-\u9fff]|{SPACE}|\s"
TEMPLATE = """{{- '<|begin|>' -}}
{%- if tools -%}
{{- '<|tools|>' -}}
{%- for tool in tools -%}
{{- '- ' + (tool.function.description or '') + ': ' + tool.function.name -}}
{{- '(' + (tool.function.parameters.properties or {}) | join(', ') + ')' -}}
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


def train(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A tokenizer of `vocabulary` tokens: the special ones, 256 bytes, and what `texts` teach."""
    tokens = Tokenizer(models.BPE(byte_fallback=True))
    tokens.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="always", split=False),
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
        ]
    )
    tokens.decoder = decoders.Sequence(
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
    tokens.train_from_iterator(texts, trainer)
    written: dict[str, Any] = json.loads(tokens.to_str())
    written["added_tokens"] = [token for token in written["added_tokens"] if token["content"] in SPECIAL]
    return Tokenizer.from_str(json.dumps(written))


def corpus(documents: int) -> Iterator[str]:
    """What the tokenizer is trained on: invented names, so that they come apart into syllables, and documents."""
    rng, syllables = random.Random("names for the tokenizer"), list(SYLLABLES)
    for _ in range(NAMES):
        name = "".join(rng.choice(syllables) for _ in range(rng.choice((2, 2, 3))))
        yield f"{name.capitalize()} {name}"
        yield name
    for number in range(documents):
        for turn in document(0, number).turns:
            yield turn.text


def encoded(tokens: Tokenizer, document: Document) -> tuple[list[int], list[float]]:
    """The tokens of a document and what each counts in the loss."""
    ids, weights = [special(tokens, BEGIN)], [0.0]
    for turn in document.turns:
        before = "" if turn.role == "text" else f"<|{turn.role}|>"
        said = tokens.encode(f"{before}{CALL if turn.call else ''}{turn.text}{END}").ids
        ids += said
        weights += [turn.weight] * len(said)
        if before:
            weights[-len(said)] = min(turn.weight, 0.1)
    return ids, weights


def special(tokens: Tokenizer, token: str) -> int:
    """The id of a special token. Raises BadInput."""
    found = tokens.token_to_id(token)
    if found is None:
        raise BadInput(f"the tokenizer has no {token}; expected one that was trained for mini")
    return int(found)
