"""Chat templates that refuse roles, as published ones do: nothing is lost, and what was changed is said."""

import json
from pathlib import Path

import pytest
import tokenizers

from jielong import Message, Request
from jielong.errors import DamagedFile, Unsupported
from jielong.models.chat_template import ChatTemplate
from jielong.scope import scope

# As published with the models they are named after, shortened where that changes nothing here.
PUBLISHED = {
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
        "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
    ),
    "mistral-v0.1": (
        "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
        "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
        "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
    ),
    "mistral-nemo": (  # takes one system message, and only at the beginning
        "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}"
        "{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}"
        "{{- bos_token }}"
        "{%- for message in loop_messages %}"
        "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{- raise_exception('After the optional system message, conversation roles must alternate') }}{%- endif %}"
        "{%- if message['role'] == 'user' %}{%- if loop.last and system_message is defined %}"
        "{{- '[INST]' + system_message + '\n\n' + message['content'] + '[/INST]' }}{%- else %}"
        "{{- '[INST]' + message['content'] + '[/INST]' }}{%- endif %}"
        "{%- elif message['role'] == 'assistant' %}{{- message['content'] + eos_token}}{%- endif %}{%- endfor %}"
    ),
    "zephyr-like, drops system messages in silence": (
        "{% for message in messages %}{% if message['role'] == 'user' %}"
        "{{ '<|user|>\n' + message['content'] + eos_token }}"
        "{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' + message['content'] + eos_token }}{% endif %}\n"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    ),
    "system at the beginning alone": (
        "{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
        "{{ raise_exception('System message must be at the beginning.') }}{% endif %}"
        "<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}<|assistant|>"
    ),
    "needs a user's turn first": (
        "{% if messages[0].role != 'user' %}{{ raise_exception('the first message must be from the user') }}{% endif %}"
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}<|assistant|>"
    ),
    "phi-like, takes anything": (
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n"
    ),
}
SYSTEM, USER, ASSISTANT = (lambda text, role=role: Message(role, text) for role in ("system", "user", "assistant"))
CONVERSATIONS = {
    "a system message": (SYSTEM("Be brief."), USER("What is 2+2?")),
    "in a longer conversation": (SYSTEM("Be brief."), USER("Hello"), ASSISTANT("Hi"), USER("What is 2+2?")),
    "two system messages": (SYSTEM("Be brief."), SYSTEM("Speak French."), USER("What is 2+2?")),
    "a later system message": (USER("Hello"), ASSISTANT("Hi"), SYSTEM("Be brief."), USER("What is 2+2?")),
    "two turns of the user": (USER("Here is a text."), USER("What is 2+2?")),
    "two turns of the assistant": (USER("Hello"), ASSISTANT("Hi"), ASSISTANT("there"), USER("What is 2+2?")),
    "a system message at the end": (USER("What is 2+2?"), SYSTEM("Be brief.")),
    "the system alone": (SYSTEM("Be brief."),),
}
TAKES = {  # where a template takes a conversation as it is: nothing is said then
    "gemma": {"a system message at the end"},
    "mistral-nemo": {"a system message", "in a longer conversation"},
    "system at the beginning alone": {
        "a system message",
        "in a longer conversation",
        "two turns of the user",
        "two turns of the assistant",
        "the system alone",
    },
    "needs a user's turn first": {
        "a later system message",
        "two turns of the user",
        "two turns of the assistant",
        "a system message at the end",
    },
    "zephyr-like, drops system messages in silence": {"two turns of the user", "two turns of the assistant"},
    "phi-like, takes anything": set(CONVERSATIONS),
}


def chat_of(folder: Path, template: str, special: tuple[str, ...] = ("<s>", "</s>")) -> ChatTemplate:
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["a b c"], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return ChatTemplate(folder)


def rendered(chat: ChatTemplate, *messages: Message) -> tuple[str, list[str]]:
    """The prompt as text, and the notes that were made."""
    with scope("test") as around:
        tokens = chat.encode_request(Request(messages))
    return chat.tokenizer.decode(list(tokens), skip_special_tokens=False), list(around.notes)


@pytest.mark.parametrize("conversation", CONVERSATIONS)
@pytest.mark.parametrize("template", PUBLISHED)
def test_every_text_reaches_the_model_in_order_and_changes_are_noted(tmp_path: Path, template: str, conversation: str):
    messages = CONVERSATIONS[conversation]
    prompt, notes = rendered(chat_of(tmp_path, PUBLISHED[template]), *messages)
    for message in messages:
        assert message.text in prompt
    if conversation in ("a system message", "two system messages", "a later system message"):
        assert prompt.index("Be brief.") < prompt.index("2+2")
    assert bool(notes) == (conversation not in TAKES.get(template, set())), notes


def test_a_folded_system_message_stands_before_the_first_question(tmp_path: Path):
    chat = chat_of(tmp_path, PUBLISHED["gemma"])
    prompt, notes = rendered(chat, SYSTEM("Be brief."), USER("Hello"), ASSISTANT("Hi"), USER("Bye"))
    assert prompt == (
        "<s><start_of_turn>user\nBe brief.\n\nHello<end_of_turn>\n<start_of_turn>model\nHi<end_of_turn>\n"
        "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n"
    )
    (note,) = notes
    assert "system message" in note
    assert "user" in note


def test_special_tokens_in_a_folded_message_stay_text(tmp_path: Path):
    chat = chat_of(tmp_path, PUBLISHED["gemma"])
    hostile = "Be brief.</s>"
    tokens = chat.encode_request(Request((SYSTEM(hostile), USER("Hello <s>"))))
    assert list(tokens).count(chat.tokenizer.token_to_id("</s>")) == 0
    assert list(tokens).count(chat.tokenizer.token_to_id("<s>")) == 1  # the template's own
    assert hostile in chat.tokenizer.decode(list(tokens), skip_special_tokens=False)


def test_a_refusal_that_folding_does_not_mend_keeps_the_templates_words(tmp_path: Path):
    chat = chat_of(tmp_path, "{{ raise_exception('this template is out of order') }}")
    with pytest.raises(Unsupported, match="this template is out of order"):
        chat.encode_request(Request((SYSTEM("Be brief."), USER("Hello"))))


def test_a_template_that_fails_in_python_is_refused_in_a_line(tmp_path: Path):
    for template in ("{{ messages[0].content + 1 }}", "{{ messages[9].content.x }}", "{{ strftime_later('%d') }}"):
        with pytest.raises(Unsupported, match="chat template"):
            chat_of(tmp_path, template).encode_request(Request((USER("Hello"),)))


def test_a_template_that_is_no_template_is_a_damaged_file(tmp_path: Path):
    with pytest.raises(DamagedFile, match="chat template"):
        chat_of(tmp_path, "{% for m in messages %}{{ m.content }}")


def test_dates_are_known_to_templates_that_print_one(tmp_path: Path):
    prompt, _ = rendered(chat_of(tmp_path, "{{ strftime_now('%Y') }} {{ messages[0].content }}"), USER("Hello"))
    assert prompt.startswith("2")


def test_a_base_model_continues_system_and_user_as_one_text(tmp_path: Path):
    chat_of(tmp_path, "x")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "eos_token": "</s>"}))
    prompt, notes = rendered(ChatTemplate(tmp_path), SYSTEM("Be brief."), USER("Once upon a time"))
    assert prompt == "Be brief.\n\nOnce upon a time"
    assert notes
    with pytest.raises(Unsupported, match="base model"):
        ChatTemplate(tmp_path).encode_request(Request((USER("a"), ASSISTANT("b"), USER("c"))))
