"""Yes or no, true or false, 是 or 否: said in a word, or by a sentence that calls something true or false."""

import re

from .answer_markers import behind_correction, last_box, marked_answers, readable_end, without_decoration
from .statements import GIVES_UP, clause_before

_LEAD = r"[\s*_\"'“(>#-]{0,6}(?:an?\s(?:\w{1,14}\s)?(?=yes\b|no\b))?"
_SURE = (
    r"absolutely|definitely|certainly|surely|sure|of\scourse|indeed|exactly|obviously|clearly|undoubtedly|probably"
    r"|likely|most\slikely|very\slikely|almost\scertainly|totally|naturally|(?:without\s(?:a\s)?|no\s)doubt"
)
_OFFER = (
    r"[,.!:]{0,2}\s(?:let['’]?s|let\sme|here|i['’]?(?:ll|d|m)\b|i\s(?:can|will|would)|happy|we\s)"  # Sure! Let me check
)
_STOP = (
    r"(?=[\s*_\"'”)]{0,4}(?:[,.;:!(。;…—–✅❌✔✗👍👎\U0001f300-\U0001faff-]|$|\n)"
    r"|\s(?:because|since|as|and|but|it|he|she|they|this|that|you|we)\b)(?!\s?[-/]\s?\w)"
)
_OPENING = re.compile(
    rf"{_LEAD}(?:(?P<neither>(?:yes|no|true|false)\s?(?:and|or|/)\s?(?:yes|no|true|false)|neither|不?是也不?是)"
    r"|(?P<no>[❌✗✘✖👎]"
    rf"|(?:(?:{_SURE})[,]?\s(?:not|no|false|incorrect|wrong)|not\s(?:really|quite|exactly|at\sall|necessarily|true|correct|right)"
    r"|no|nope|nah|never|false|incorrect|wrong|unlikely|(?:very|highly)\sunlikely|untrue|hardly|by\sno\smeans|not|negative|no\sway|i['’]?m\safraid\snot"
    r"|(?:当然|应该|绝对|肯定|可能|大概|恐怕|这|并|看起?来|似乎|好像)?(?:不是|不会|不能|不可以|不行|不可能|不一定|不正确|不对|不成立|不存在|不算|没有|并非|不)(?:的|这样|如此)?"
    rf"|并非如此|错误的?|错的?|否定?的?|假的?){_STOP})"
    r"|(?P<yes>[✅✔✓☑👍]"
    rf"|(?:(?:{_SURE})[,]?\s(?:yes|so|true|correct)|(?:{_SURE})(?!{_OFFER})|affirmative|yes|yeah|yep|yup|true|correct|right(?!,)"
    rf"|(?:当然|应该|绝对|肯定|可能|大概|看起?来|似乎|好像)?(?:是|会|能|可以|可能|对|有|正确|成立|存在)(?:的)?|正确的?|没错|当然|行|肯定|真的?){_STOP}))",
    re.I,
)
_ECHO = re.compile(  # "It does not.", "I think so."
    r"[\s*_\"'“]{0,4}(?:(?:yes|no|indeed|sure),?\s)?(?:(?:it|he|she|they|that|this|we|you|one|there)\s"
    r"(?:does|do|did|is|are|was|were|can|could|will|would|has|have|had|should|must)(?P<not>n?['’]t|not|\snot)?"
    r"|it\s(?:(?P<unlike>does(?:n['’]t|\snot)\s)?(?:seems?|appears?)\sso|(?:seems|appears)\s(?P<not_so>not))"
    r"|i\s(?P<doubt>do\s?n[o'’]t\s|doubt\s)?(?:think|believe|guess|suppose|would\ssay|it)?\s?so?)(?:\sindeed)?[\s*_.!]{0,4}$",
    re.I,
)
_CLOSING = re.compile(
    r"(?:\b(?:so|therefore|thus|hence|answer|say),?|:)\s{1,2}\**(?:the\sanswer\sis\s)?(?P<verdict>yes|no|true|false)\s?[.!*]{0,3}\s*$"
    r"|(?:因此|所以)[,:]?(?P<han>是|否|对|错|不是|不对)[。.!]?\s*$",
    re.I,
)
_BE = (
    r"(?:\b(?:is|are|was|were|be|it['’]?s|that['’]?s|as|not|never|from|but|seems?|remains?)|n['’]t)"
    r"\s(?:an?\s|the\s)?(?:\w{1,12}\s){0,2}"
)
_JUDGED = re.compile(
    rf"{_BE}(?P<yes>true|correct|right|accurate|factual)\b(?!\s(?:of|angle|triangle|side|hand))"
    rf"|{_BE}(?P<no>false|incorrect|wrong(?!\sto\b)|untrue|inaccurate|myth|misconception|mistaken|fallacy|hoax)\b"
    r"|(?P<yes3>\bholds?\b(?!\s(?:an?|the|its|\d)\b))|(?P<yes2>正确|属实|对的|是对|成立|是真的|符合事实)|(?P<no2>错误|错的|有错|错(?=[。,]|$)|是假的|谣言|误区|不实)",
    re.I,
)
_TURNS = re.compile(
    r"\b(?:not|never|hardly|scarcely|barely|rarely|far\sfrom|anything\sbut|no\slonger|doubt\w*|unlikely|wrong\sto|mistaken?(?=\s(?:to|in))"
    r"|mistake(?=\sto)|incorrect\sto|untrue|deny|denies|isn['’]?t)\b|n['’]t\b|不(?!实)|没有?|并非|未必|非(?!常)",
    re.I,
)
_OPEN_QUESTION = re.compile(
    r"\b(?:whether|if|neither|no\s(?:evidence|proof|reason|indication|sign|way)|might|may|could|nothing"
    r"|nobody|no\sone|few(?:\speople)?\swould|(?:claims|claimed)\sthat|believ\w+|argu\w+)\b"
    r"|是否|没有(?:任何)?(?:证据|迹象|理由)|如果|或许|不能说|不好说",
    re.I,
)


def yes_no(text: str, /) -> str | None:
    """`yes` or `no` (true, correct, 是, 对 … or their opposites); "yes and no" and "it depends" are no answer."""
    if corrected := behind_correction(text):
        return yes_no(corrected)
    readable = readable_end(text) or ""
    box = last_box(readable)
    if box is not None:
        return verdict(box)
    for place in marked_answers(readable)[0]:
        if found := verdict(without_decoration(place)):
            return found
    if closing := _CLOSING.search(readable[-200:]):
        word = (closing["verdict"] or closing["han"]).lower()
        return "yes" if word in ("yes", "true", "是", "对") else "no"
    statement = _QUESTION.sub("", readable)
    return opening_verdict(statement) or verdict(statement)


_QUESTION = re.compile(r"\A\W*[^.!?。！？\n]{1,120}[?？]\s*(?=\S)")  # "True or false? False."


def opening_verdict(place: str) -> str | None:
    """The yes or no that a place begins with."""
    if echo := _ECHO.match(place[:80]):
        return "no" if echo["not"] or echo["doubt"] or echo["unlike"] or echo["not_so"] else "yes"
    opening = _OPENING.match(place)
    if opening is None or opening["neither"]:
        return None
    return "yes" if opening["yes"] else "no"


def verdict(place: str) -> str | None:
    """What the place begins with, else the last sentence in it that calls something true or false."""
    if (opening := opening_verdict(place)) or _OPENING.match(place):
        return opening
    last = None
    for judged in _JUDGED.finditer(place):
        before = clause_before(place, judged.start()) + judged[0]
        sentence = re.split(r"[.!?。;；,，\n]", place[max(0, judged.start() - 160) : judged.start()])[-1]
        if GIVES_UP.search(sentence) or _OPEN_QUESTION.search(sentence) or _asked(place, judged.end()):
            continue
        is_true = bool(judged["yes"] or judged["yes2"] or judged["yes3"])
        last = is_true == (len(_TURNS.findall(before)) % 2 == 0)
    return None if last is None else "yes" if last else "no"


def _asked(place: str, at: int) -> bool:
    return re.match(r"[^.!。\n]{0,80}[?？]", place[at:]) is not None
