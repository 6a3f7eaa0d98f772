"""Whether an instruction and its answer are worth learning, by rules that anybody can check.

The rules follow the heuristics of Self-Instruct (Wang et al. 2022, §2.2) and Evol-Instruct's elimination (Xu et al.
2023), with two differences: an instruction about a picture is refused only where it wants one to be seen ("the
picture below"), not for the word; and the language of the answer has to fit. Rules know nothing of truth: a wrong
answer in good form passes.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, TypeAlias

from ...prompts import language
from .novelty import rouge_tokens

Fault: TypeAlias = Literal[
    "empty",
    "short",
    "long",
    "several",
    "cannot_see",
    "placeholder",
    "prompt_words",
    "repeats",
    "refuses",
    "loops",
    "other_language",
]

SHORTEST, LONGEST = 3, 300  # tokens of an instruction: words, or characters of Chinese
_SHOWN = "picture|image|photo|graph|chart|figure|diagram|map|video|audio|recording|screenshot"
_SEES = re.compile(
    rf"\b(?:{_SHOWN})s?\s+(?:below|above|shown|attached|provided)\b"
    rf"|\b(?:look at|describe|analy[sz]e|watch|listen to|based on)\s+(?:the|this|these)\s+(?:\w+\s+)?(?:{_SHOWN})s?\b"
    r"|\b(?:attached|uploaded|enclosed)\s+\w+"
    r"|(?:下面|上面|下列|这张|这幅|附上的|所附)的?(?:这张|这幅)?(?:图片|图像|照片|图表|地图|截图)"
    r"|(?:这段|下面的)(?:视频|音频|录音)|附件|上传的",
    re.I,
)
_MISSING = re.compile(
    r"\b(?:the|this)\s+(?:following|given|above)\s+"
    r"(?:article|text|passage|paragraph|document|story|email|sentence|code|list|data)\b"
    r"|(?:以下|下面|下列|上述|给定)的?(?:这篇|这段|这个)?(?:文章|文本|段落|文字|文档|故事|邮件|句子|代码|列表|数据)",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"\[(?:insert|your|name|topic|date|company|recipient|city|title|x+)\b[^\]\n]{0,40}\]"
    r"|<(?:insert|your|name|topic)\b[^>\n]{0,40}>|\[[\u4e00-\u9fff]{2,12}\]"
    r"|【(?:插入|姓名|主题|日期|公司|您的)[^】]{0,20}】",
    re.I,
)
_FIELD = re.compile(r"\{[^{}\n:;\"']{1,20}\}")  # in an instruction alone: answers hold code
_PROMPT_WORDS = re.compile(
    r"#?\b(?:given|rewritten|created|new) prompt\b#?|#(?:原|新|给定|改写)[^#]{0,6}指令#|改写后的指令|给定的指令", re.I
)
_REFUSES = re.compile(
    r"^\W*(?:i['’]?m|i am) (?:very |so |really )?(?:unable\b|not able\b|sorry,? (?:but\b|i can|as\b))"
    r"|^\W*i apologi[sz]e,? but\b|^\W*i (?:do not|don['’]?t) have (?:access|the ability|enough information)\b"
    r"|^\W*sorry,? (?:but )?(?:i|as)\b|\bas an? (?:ai\b|artificial intelligence|language model)"
    r"|^\W*(?:unfortunately,? )?i (?:cannot|can['’]?t|can not) (?:help|assist|do|fulfil|provide|complete|answer)"
    r"|^\W*我?(?:很|非常|十分)?(?:抱歉|遗憾|对不起)[，,。！ ]*(?:但是?)?(?:作为|我(?:不能|无法|没有|不会))"
    r"|^\W*我(?:不能|无法|没有办法)(?:为您|为你|帮您|帮你)?(?:提供|回答|完成|帮助|协助|满足|执行)"
    r"|作为(?:一个|一名)?(?:ai|人工智能|语言模型)",
    re.I,
)
_NUMBERED = re.compile(r"(?:^|\s)\d{1,2}[.)、]\s")
_TRANSLATES = re.compile(
    r"translat|in (?:chinese|english|french|german|spanish|japanese|latin)|翻译|译成|译为|英文|英语|中文|汉语|法语|日语"
    r"|pinyin|拼音|python|java|code|代码|sql",
    re.I,
)


def fault_of_instruction(instruction: str) -> Fault | None:
    """What is wrong with an instruction; None where nothing is."""
    tokens = rouge_tokens(instruction)
    if not instruction.strip():
        return "empty"
    if len(tokens) < SHORTEST:
        return "short"
    if len(tokens) > LONGEST:
        return "long"
    if len(_NUMBERED.findall(instruction)) > 1:
        return "several"
    if _PROMPT_WORDS.search(instruction):
        return "prompt_words"
    if _PLACEHOLDER.search(instruction) or _FIELD.search(instruction):
        return "placeholder"
    return "cannot_see" if _SEES.search(instruction) or _names_what_is_missing(instruction) else None


def fault_of_answer(instruction: str, answer: str) -> Fault | None:
    """What is wrong with an answer to an instruction; None where nothing is."""
    tokens, asked = rouge_tokens(answer), rouge_tokens(instruction)
    if not answer.strip():
        return "empty"
    if tokens == asked:
        return "repeats"
    if _REFUSES.search(answer):
        return "refuses"
    if _PLACEHOLDER.search(answer):
        return "placeholder"
    if _loops(tokens):
        return "loops"
    other = language(answer) != language(instruction) and len(tokens) >= SHORTEST
    return "other_language" if other and not _TRANSLATES.search(instruction) else None


def _names_what_is_missing(instruction: str) -> bool:
    """ "The following article", and nothing follows."""
    match = _MISSING.search(instruction)
    return match is not None and len(rouge_tokens(instruction[match.end() :])) < 5


def _loops(tokens: list[str]) -> bool:
    """One run of up to four tokens makes up most of it, or hardly any four tokens are new."""
    if len(tokens) < 10:
        return False
    for size in (1, 2, 3, 4):
        runs = Counter(tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1))
        if runs.most_common(1)[0][1] * size > 0.6 * len(tokens):
            return True
    return len(tokens) >= 40 and len(runs) < 0.25 * len(tokens)
