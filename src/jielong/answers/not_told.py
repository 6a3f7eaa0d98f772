"""Whether a reply says that it is not told: that the documents, or the model, do not know the answer."""

import re

from .thoughts import without_thoughts

_TEXTS = (
    r"(?:texts?|documents?|sources?|contexts?|passages?|articles?|excerpts?|materials?|information|pages?|files?|data"
    r"|records?|snippets?|notes?|search results?|conversation)"
)
_NOT = r"(?:do(?:es)?\s?n[o']t|do(?:es)? not|did(?:n't| not)|never|none of (?:the|these|them))"
_TELL = (
    r"(?:\w+ly )?(?:tell|say|state|mention|contain|provide|include|specify|give|answer|reveal|indicate|cover|address"
    r"|disclose|explain|discuss|identify|list|name|have|support|offer|describe|talk|refer)s?"
)
_TOLD = (
    r"(?:\w+ly )?(?:mentioned|stated|found|given|specified|provided|told|said|available|disclosed|answered|indicated"
    r"|included|covered|addressed|described|listed|discussed|contained|recorded)"
)
_FIND = (
    r"(?:be )?(?:\w+ly )?(?:find|found|answer|answered|determined?|tell|told|say|said|locate|located|confirm|confirmed"
    r"|know|known|identify|identified|infer|inferred|provide|establish|established)"
)
_ENGLISH = re.compile(
    rf"\b{_TEXTS}\b[^.!?;]{{0,80}}?\b{_NOT} {_TELL}\b"
    rf"|\bnone of (?:the|these|those)\b[^.!?;]{{0,40}}?\b{_TEXTS}\b[^.!?;]{{0,20}}? {_TELL}"
    rf"|\b(?:is|are|was|were)(?:n't| not| nowhere) {_TOLD}\b|^not {_TOLD}\b|\bit {_NOT} (?:say|tell|state)\b"
    r"|\bi (?:really |honestly |simply )?do(?:n't| not) know\b|\bi(?:'m| am)(?: really)? not (?:sure|certain)\b"
    r"|(?:^|\b(?:is|are|was|were|have|has|had|find|found|contains?|gives?|provides?|offers?|hold|holds|see|with|but) )"
    r"(?:no|not enough|insufficient)(?: \w+){0,2} (?:information|mention(?= of| about| in|\W*$)|details?|evidence|data"
    r"|answer|idea)\b|\black(?:s|ing)?(?: the| any)?(?: \w+)? (?:information|details?|answer)\b"
    rf"|\b(?:cannot|can't|can not|could(?:n't| not)|unable to|impossible to|not possible to) {_FIND}\b"
    r"|^(?:unknown|unanswerable|not (?:told|known|in the \w+)|no answer)\W*$"
    r"|\b(?:the )?answer is (?:unknown|not known)\b"
)
_DOCS = (
    r"(?:文中|文章|文本|文档|文件|资料|材料|来源|原文|上下文|所给|给出的|提供的|提供信息|片段|段落|书中|页面|记录|信息"
    r"|搜索结果|上文|内容)"
)
_SAY = (
    r"(?:说|提|讲|写|给出|给|包含|包括|告诉|涉及|记载|记录|指出|指明|写明|注明|交代|回答|列出|透露|显示|有|答案|找到|谈"
    r"|介绍|描述)"
)
_CHINESE = re.compile(
    rf"{_DOCS}[^。！？；]{{0,30}}?(?:都|均|也|并|里|中)*(?:没有?|未|不曾|并未|从未|无){_SAY}?"
    r"|(?:没有|未|并未)(?:被)?(?:提及|提到|说明|给出|写明|记载|找到|告知)|(?:信息|依据|资料|证据)不足"
    r"|(?:我|^)(?:也|并|真的)?不(?:知道|清楚|确定|了解)|找不到|不得而知|^(?:不详|未知|不明|没说|没有说)\W*$|答不(?:上|出)来"
    r"|无法(?:从[^。！？]{0,20})?(?:回答|确定|得知|判断|找到|确认|知道|作答|推断|获知|看出)"
    r"|没有(?:任何|足够的?)?(?:相关|有关)?(?:的)?(?:信息|答案|内容|资料|记载|依据|说明)"
)
_BUT = re.compile(r"\b(?:but|however|although|though|yet|nevertheless|still)\b|但|不过|然而|可是|只是")
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?。！？]+(?!\d)|$|\n)")
_COURTESY = re.compile(
    r"^\W*(?:(?:i'm |i am )?(?:very )?sorry|unfortunately|i apologi[sz]e|抱歉|很抱歉|对不起|不好意思|很遗憾)\W*"
)
LONGEST = 1_000  # characters of a reply that says no more than this


def not_told(reply_text: str) -> bool:
    """Whether all that the reply has to say is that it is not told, in English or Chinese. A reply that goes on with a
    "but" and an answer says more."""
    text = (without_thoughts(reply_text) or "").strip()
    if not text or len(text) > LONGEST:
        return False
    text = text.casefold().replace("’", "'").replace("**", "")
    sentences = [s for match in _SENTENCE.finditer(text) if (s := _COURTESY.sub("", match[0].strip())).strip(".!。！ ")]
    if not sentences:
        return False
    says = [bool(_ENGLISH.search(sentence) or _CHINESE.search(sentence)) for sentence in sentences]
    if not (says[0] or (says[-1] and len(sentences) <= 3)):
        return False
    return not any(_goes_on(sentence) for sentence in sentences)


def _goes_on(sentence: str) -> bool:
    """Whether behind a "but" something else is said than that again."""
    pieces = _BUT.split(sentence, maxsplit=1)
    rest = pieces[1] if len(pieces) == 2 else ""
    return len(rest.strip(" .,，。!")) > 3 and not (_ENGLISH.search(rest) or _CHINESE.search(rest))
