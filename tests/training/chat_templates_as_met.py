"""Chat templates as checkpoints have them, each a small one of its kind, and what of a conversation has to be learnt.

Written before the code that finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<pad>"]
CORPUS = ["Assistant: 5", "What is 2 + 3? It is 5.", "User: And 4 + 4? 8", "assistant user system tool", "think"] * 20


def tokenizer(*, adds_bos: bool = False, adds_eos: bool = False, one_run: bool = False) -> Tokenizer:
    """Byte-level BPE as GPT-2's; `one_run` merges across spaces and line ends, as some do."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not one_run)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=[*SPECIAL, "<think>", "</think>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(CORPUS, trainer)
    if adds_bos or adds_eos:
        around = f"{'<s> ' if adds_bos else ''}$A{' </s>' if adds_eos else ''}"
        tokens = [(name, made.token_to_id(name)) for name in ("<s>", "</s>")]
        made.post_processor = processors.TemplateProcessing(single=around, special_tokens=tokens)
    return made


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CALLS = CHATML.replace(
    "{{ m.content }}",
    "{{ m.content }}{% for c in m.tool_calls or [] %}"
    "[{{ c.function.name }}|{{ c.function.arguments | tojson }}]{% endfor %}",
)
HEADLESS = CHATML.partition("{% if add")[0]
LAST_ENDS = (
    "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% if loop.last and m.role == 'assistant' %}"
    "{{ eos_token }}{% else %}\n{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
FORGETS_THOUGHTS = (
    "{% set n = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set n.last = loop.index0 %}"
    "{% endif %}{% endfor %}{% for m in messages %}{% set c = m.content %}"
    "{% if m.role == 'assistant' and loop.index0 < n.last %}{% set c = c.split('</think>')[-1] %}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ c }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FORCES_THOUGHTS = CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
MARKED = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>model\n{% generation %}"
    "{{ m.content }}<|im_end|>{% endgeneration %}\n{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
MARKED_IN_MACRO = (
    "{% macro turn(m) %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}{% endmacro %}"
    "{% for m in messages %}{{ turn(m) | trim }}\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}"
)
MARKED_ELSEWHERE = CHATML.replace(
    "{{ m.content }}", "{% if m.tool_calls %}{% generation %}call{% endgeneration %}{% endif %}{{ m.content }}"
)
INST = (
    "{% if messages[0].role == 'system' %}{% set before = messages[0].content %}{% set rest = messages[1:] %}{% else %}"
    "{% set before = '' %}{% set rest = messages %}{% endif %}{{ bos_token }}{% for m in rest %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}{% if loop.last or loop.revindex0 == 1 %}"
    "{% if tools %}[TOOLS]{{ tools | tojson }}[/TOOLS]{% endif %}[INST]{% if before %}{{ before }}\n\n{% endif %}"
    "{{ m.content }}[/INST]{% else %}[INST]{{ m.content }}[/INST]{% endif %}{% else %} {{ m.content }}</s>{% endif %}"
    "{% endfor %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}<|im_start|>"
    "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
ENDS_OF_LINE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
NEEDS_A_USER = "{% if not messages %}{{ raise_exception('no messages') }}{% endif %}" + CHATML


def turns(*texts: str, **more: Any) -> list[dict[str, Any]]:
    """user, assistant, user, …; a text such as "system: Be brief." names its role."""
    made, roles = [], ["user", "assistant"]
    for text in texts:
        role, colon, rest = text.partition(": ")
        if colon and role in ("system", "user", "assistant", "tool"):
            made.append({"role": role, "content": rest})
            roles = ["user", "assistant"] if role != "user" else ["assistant", "user"]
        else:
            made.append({"role": roles[0], "content": text})
            roles.reverse()
    return made


TALK = turns("What is 2 + 3?", "5", "And 4 + 4?", "8")
THOUGHT = turns("What is 2 + 3?", "<think>a</think>5", "And 4 + 4?", "<think>b</think>8")
CALL = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}


def weighed(*weights: float) -> list[dict[str, Any]]:
    """TALK with weights for its two replies."""
    return [{**t, "weight": weights[i // 2]} if i % 2 else t for i, t in enumerate(TALK)]


@dataclass(frozen=True)
class TemplateCase:
    """`documents`: for each document that comes of the conversation, the stretches that are learnt, one by one."""

    name: str
    template: str
    messages: list[dict[str, Any]]
    documents: list[list[str]] = field(default_factory=list)
    refused: str = ""
    tools: list[dict[str, Any]] | None = None
    whole: str = ""  # the text of the last document, where it matters
    tokens: dict[str, bool] = field(default_factory=dict)
    noted: str = ""


E = "<|im_end|>\n"
TEMPLATE_CASES = [
    TemplateCase("ChatML", CHATML, TALK, [["5" + E, "8" + E]]),
    TemplateCase("the assistant begins", CHATML, turns("assistant: Hello!", "2 + 3?", "5"), [["Hello!" + E, "5" + E]]),
    TemplateCase("the assistant begins, and no messages are refused", NEEDS_A_USER, turns("assistant: Hello!", "2 + 3?", "5"), [["Hello!" + E, "5" + E]]),
    TemplateCase("two replies in a row", CHATML, turns("2 + 3?", "5", "assistant: I mean it."), [["5" + E, "I mean it." + E]]),
    TemplateCase("what follows the last reply is not read", CHATML, [*TALK, {"role": "user", "content": "Thanks."}], [["5" + E, "8" + E]], whole="".join(f"<|im_start|>{t['role']}\n{t['content']}{E}" for t in TALK)),
    TemplateCase("no generation prompt: the model must write the head itself", HEADLESS, TALK, [["<|im_start|>assistant\n5" + E, "<|im_start|>assistant\n8" + E]], noted="no generation prompt"),
    TemplateCase("an end token at the very end alone", LAST_ENDS, TALK, [["5</s>"], ["8</s>"]]),
    TemplateCase("earlier thoughts are forgotten", FORGETS_THOUGHTS, THOUGHT, [["<think>a</think>5" + E], ["<think>b</think>8" + E]], whole="<|im_start|>user\nWhat is 2 + 3?<|im_end|>\n<|im_start|>assistant\n5<|im_end|>\n<|im_start|>user\nAnd 4 + 4?<|im_end|>\n<|im_start|>assistant\n<think>b</think>8<|im_end|>\n"),
    TemplateCase("earlier thoughts are forgotten, and there are none", FORGETS_THOUGHTS, TALK, [["5" + E, "8" + E]]),
    TemplateCase("only the last of two turns counts, thoughts forgotten", FORGETS_THOUGHTS, [THOUGHT[0], {**THOUGHT[1], "train": False}, *THOUGHT[2:]], [["<think>b</think>8" + E]]),
    TemplateCase("the generation prompt begins a thought that no reply has", FORCES_THOUGHTS, TALK, [["5" + E, "8" + E]], noted="generation prompt"),
    TemplateCase("the generation prompt begins a thought that replies have", FORCES_THOUGHTS, turns("2 + 3?", "<think>\na</think>5"), [["a</think>5" + E]]),
    TemplateCase("generation marks", MARKED, TALK, [["5<|im_end|>", "8<|im_end|>"]]),
    TemplateCase("generation marks and a weight of 0", MARKED, weighed(0, 1), [["8<|im_end|>"]]),
    TemplateCase("generation marks and a weight of .5", MARKED, weighed(0.5, 1), [["5<|im_end|>", "8<|im_end|>"]]),
    TemplateCase("generation marks and a system message", MARKED, [{"role": "system", "content": "Be brief."}, *TALK], [["5<|im_end|>", "8<|im_end|>"]]),
    TemplateCase("generation marks inside a macro that is trimmed", MARKED_IN_MACRO, TALK, [["5<|im_end|>", "8<|im_end|>"]]),
    TemplateCase("generation marks that cover no reply", MARKED_ELSEWHERE, TALK, refused="generation marks"),
    TemplateCase("a user who writes the character of a mark", MARKED, turns("What \ufdd0 is \ufdd1 2 + 3?", "5"), [["5<|im_end|>"]]),
    TemplateCase("a reply that trims", NO_SYSTEM, turns("2 + 3?", "  5 "), [["5" + E]]),
    TemplateCase("system messages refused: as when asked, they are put into the user's turn", NO_SYSTEM, [{"role": "system", "content": "Be brief."}, *TALK], [["5" + E, "8" + E]], whole="<s><|im_start|>user\nBe brief.\n\nWhat is 2 + 3?<|im_end|>\n<|im_start|>model\n5<|im_end|>\n<|im_start|>user\nAnd 4 + 4?<|im_end|>\n<|im_start|>model\n8<|im_end|>\n", noted="system messages"),
    TemplateCase("two turns of the user in a row where they must alternate", NO_SYSTEM, turns("Hello.", "user: 2 + 3?", "5"), [["5" + E]], whole="<s><|im_start|>user\nHello.\n\n2 + 3?<|im_end|>\n<|im_start|>model\n5<|im_end|>\n"),
    TemplateCase("the system message stands in the last turn of the user", INST, [{"role": "system", "content": "Be brief."}, *TALK], [[" 5</s>"], [" 8</s>"]]),
    TemplateCase("tools stand before the last turn of the user", INST, TALK, [[" 5</s>"], [" 8</s>"]], tools=[{"type": "function", "function": {"name": "add"}}]),
    TemplateCase("a token that would reach from the prompt into the reply", ENDS_OF_LINE, turns("2 + 3?", "5"), [["5\n"]], tokens={"one_run": True}),
    TemplateCase("a reply that begins with a line end", CHATML, turns("2 + 3?", "\n\n5"), [["\n\n5" + E]], tokens={"one_run": True}),
    TemplateCase("template and tokenizer both begin a text", MARKED, TALK, [["5<|im_end|>", "8<|im_end|>"]], tokens={"adds_bos": True}),
    TemplateCase("two beginnings in the template", "<s>" + MARKED, TALK, [["5<|im_end|>", "8<|im_end|>"]], whole="<s>" + "".join(f"<|im_start|>{'model' if t['role'] == 'assistant' else 'user'}\n{t['content']}{E[: 10 if t['role'] == 'assistant' else 11]}" for t in TALK)),
    TemplateCase("a user who writes a special token", CHATML, turns("What is <|im_end|>?", "5"), [["5" + E]]),
    TemplateCase("a call whose arguments are JSON text", CALLS, [TALK[0], {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "5"}, {"role": "assistant", "content": "5"}], [['[add|{"a": 2}]' + E, "5" + E]]),
    TemplateCase("what is null in a message is not there", CHATML.replace("{{ m.content }}", "{% if 'tool_calls' in m %}CALL{% endif %}{{ m.content }}"), [TALK[0], {**TALK[1], "tool_calls": None, "name": None}], [["5" + E]]),
    TemplateCase("nothing but a system message", CHATML, turns("system: Be brief."), refused="nothing to learn"),
    TemplateCase("a template that fails", "{{ messages[0].content.nothing() }}", TALK, refused="template"),
    TemplateCase("a template that leaves the replies out", "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}\n{% endif %}{% endfor %}", TALK, refused="template"),
    TemplateCase("an empty template", "", TALK, refused="template"),
]  # fmt: skip
