"""What a sentence says of something it mentions: that it is so, that it is not, or neither.

Words, no grammar: a denial counts from its word to the end of its clause, and a reader who knows the language would
find sentences that defeat it. What it cannot tell is no answer rather than a guess.
"""

import re

GIVES_UP = re.compile(
    r"\b(?:can ?not|can['’]?t|could not|couldn['’]?t|unable to|not able to|impossible to|no way (?:to|of)|"
    r"(?:hard|difficult|not possible) to)\s(?:be\s)?(?:\w{4,12}ly\s)?"
    r"(?:determin\w*|answer\w*|calculat\w*|comput\w*|solv\w*|tell\w*|say\w*|said|help\w*|decid\w*"
    r"|know\w*|verif\w*|judg\w*|classif\w*|conclud\w*|choos\w*|identif\w*|confirm\w*|assess\w*|infer\w*|establish\w*"
    r"|work(?:ed)? out|find|found)\b"
    r"|\b(?:not enough|insufficient|too little|no|more)\s(?:\w{1,12}\s)?(?:information|data|context|details?)\b"
    r"|(?:\bnot|n['’]t)\s(?:\w{1,8}\s){0,2}enough\s(?:information|data|details?|context)\b"
    r"|\b(?:unknown|undetermined|undefined|undecidable|unsure|uncertain|unanswerable)\b"
    r"|\b(?:not|n['’]?t)\s(?:\w{1,10}\s)?(?:know|sure|certain|clear|(?:say|tell|mention|state|specify|give)(?=\W*$|[.;,]))"
    r"|\bi(?:\sam|['’]?m)?\s(?:cannot|can['’]?t|can\snot|unable\sto|not\sable\sto)\b|\bnobody\sknows\b"
    r"|\bno idea\b|\bunclear\b|\bambiguous\b|\bit depends\b"
    r"|无法|不能(?:确定|判断|回答|得出|计算)|难以(?:确定|判断|取舍|回答|说)|不(?:太)?(?:确定|知道|清楚|好说)|很难(?:说|判断|确定)"
    r"|(?:信息|条件|数据)(?:不足|不够|不全)|(?:没有|没|未|并未)(?:给出|提到|提供|说明|提及)|(?:算|求|答|看|判断)不出|视.{0,10}而定|取决于",
    re.I,
)
_DENIAL = re.compile(
    r"\b(?:not(?!\sonly\b)|none\sof|never|no\slonger|neither|nor|cannot|hardly|scarcely|barely|rarely|without|unlikely|implausible"
    r"|far\sfrom|anything\sbut|rather\sthan|instead\sof|as\sopposed\sto|(?<!none\s)other\sthan|(?<!other\s)than|except|doubt(?:s|ful)?|den(?:y|ies)"
    r"|exclud\w{1,4}|reject\w{0,3}|rul(?:e|es|ed|ing)\sout|mistake(?:n)?|wrong\sto|false\sthat|untrue\sthat|incorrect\sto|no"
    r"|fail(?:s|ed)?\sto|lacks?|unlike)\b|n['’]t\b|不(?!仅|只|但|错)|并非|(?<!除)非(?!常)|没有?(?!错)|未(?!来)|而非|排除|比",
    re.I,
)
_CLAUSE = re.compile(
    r"[.!?;:](?=\s|$|[\"'”*])|[,](?=\s)|[。!?;:,，。！？；：\n—|()（）]|\s[-–]\s"
    r"|(?<!anything\s)(?<!nothing\s)\bbut\b|\b(?:and|yet|instead|it['’]?s|it\sis|so|therefore|hence|thus)\b|(?=\bnor\b)"
    r"|而?是(?!否)|但是?|所以|因此|也|又",
    re.I,
)
_NOT_BEFORE_SHI = re.compile("[不非]$")
_DENIED_AFTER = re.compile(
    r"[)\]\"'”’*_`]{0,3}\s?(?:\([^()]{0,40}\)\s?)?(?:\w{1,12}\s)?"
    r"(?:(?:is|are|was|were|can\sbe|seems?|looks?)\s(?:\w{1,10}ly\s|also\s|not\s(?:the\s)?|n['’]t\s)?"
    r"(?:incorrect|wrong|false|out\b|ruled\sout|excluded|eliminated|impossible|unlikely|correct(?<=not\scorrect)|answer(?<=not\sthe\sanswer))"
    r"|(?:is|are|was|were|does|do|did|can|could|would|has|have)(?:n['’]t|\snot|\snever)\b|cannot\b|never\b"
    r"|[:\-–—=]?\s?(?:❌|✗|✘|✖|no\b(?!\sdoubt)|incorrect|wrong|false)"
    r"|(?:项)?(?:并?不|错|有误|没有|可以排除|被?排除))",
    re.I,
)
_ASIDE = re.compile(
    r"\b(?:between|among|compar(?:ed|ing)|although|though|while|despite|whereas|even\sif|if|unless|whether)\b"
    r"|虽然|尽管|如果|是否",
    re.I,
)


def clause_before(text: str, at: int, *, longest: int = 160) -> str:
    """The part of the clause that stands before `at`: what may deny what follows it."""
    before = text[max(0, at - longest) : at]
    start = 0
    for boundary in _CLAUSE.finditer(before):
        if boundary[0].endswith("是") and _NOT_BEFORE_SHI.search(before[: boundary.start()]):
            continue  # 不是 denies, while 而是 begins anew
        start = boundary.end()
    return before[start:]


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether the clause denies what stands there: an odd number of denials before it, or a verdict behind it."""
    denials = len(_DENIAL.findall(clause_before(text, start)))
    return denials % 2 == 1 or _DENIED_AFTER.match(text, end) is not None


def is_aside(text: str, start: int) -> bool:
    """Whether it is mentioned in a concession, a condition or a question, so that nothing is said by it."""
    return _ASIDE.search(clause_before(text, start)) is not None or is_asked(text, start)


_SENTENCE_END = re.compile(r"[.!。！](?=\s|$|[^\d\s])|[?？]|\n|$")


def is_asked(text: str, start: int) -> bool:
    """Whether its sentence ends with a question mark."""
    sentence_end = _SENTENCE_END.search(text, start, start + 400)
    return sentence_end is not None and sentence_end[0] in ("?", "？")


_PRO = (
    r"✅|✔|✓|☑|👍|🟢|\b(?<!not )(?<!n't )(?:correct|right|true|yes|fits|valid)\b"
    r"|(?<!不)(?:符合|正确|对(?![^。;,\s]))"
)
_CONTRA = (
    r"❌|✗|✘|✖|🚫|👎|🔴|\b(?:incorrect|wrong|false|no|invalid|ruled\sout|excluded|eliminated)\b"
    r"|(?:\bnot|n't)\s(?:correct|right|true|valid|the\sanswer)\b|不符合|不正确|不对|错误?|排除"
)
VERDICT = re.compile(rf"(?P<pro>{_PRO})|(?P<contra>{_CONTRA})", re.I)


def verdict_of(line: str) -> bool | None:
    """The verdict that a line of a list gives: its emoji, else its last word of judgement; None if it has none."""
    found = list(VERDICT.finditer(line))
    emoji = [verdict for verdict in found if not verdict[0].isascii() and not "一" <= verdict[0][0] <= "鿿"]
    last = emoji[-1] if emoji else found[-1] if found else None
    return None if last is None else last["pro"] is not None
