"""A second reading of stories: words that go with what is told, of its own, and nothing of the generator's tables."""

import re

# words of which one stands in every sentence that tells it, and in every question on it
TOPICS = {
    "en": {
        "job": r"job|work|profession|occupation|living|trade|earn|has been an? |is an? |do\?|do for|what .* does\b",
        "workplace": r"work|job|employed|started",
        "boss": r"boss|work|orders|report|hired",
        "birthplace": r"born|birthplace|home town|birth|from|light of day|world",
        "home": r"live|living|house|flat|home|moved|settled|rent",
        "food": r"eat|food|dish|meal|like|love|fond|enough|ador|enjoy|prefer",
        "drink": r"drink|cup|starts? the day|order",
        "pet": r"pet|animal|keep|owns?\b|looks? after|home with|lives? with|care of|has an? |house",
        "age": r"old|age|turned|birthday|is \d+|plans|learning",
        "favourite_colour": r"colou?r|dress|paint",
        "hobby": r"hobby|pastime|time|like|love|enjoy|keen|relax|happiest|weekends|evenings|Sundays",
        "sport": r"sport|play|good at|taken up|crazy|train",
        "instrument": r"instrument|play|learning|practis|lessons|music",
        "language": r"language|speak|spoke|learning|grew up with|talk|teach|understand|tongue",
        "studies": r"stud|subject|university|field",
        "teacher": r"teach|taught|learn|lessons|pupil",
        "transport": r"by |take|transport|travel|get|go|way to work|come",
        "children": r"child|kids",
        "wakes": r"get|wake|bed|rise|day begins|alarm|day begin",
        "room": r"room",
        "birthday": r"birthday",
        "fear": r"fear|afraid|scare|frighten|run|panic",
        "dream": r"become|becoming|dream|would .*like to be|want|plan|hope",
        "spouse": r"marri|marry|wife|husband|who .* married",
        "sister": r"sister",
        "brother": r"brother",
        "friend": r"friend",
        "country": r"country|lies|is in|town in|place in|belong|found in|located|is (?:a|an) ",
        "river": r"river|banks",
        "population": r"inhabitants|people|population",
        "founded": r"found|there since|dates|begin|story|year|been there",
        "famous": r"famous|known|draw|proud|come|visitors",
        "mayor": r"mayor",
        "weather": r"weather",
        "price": r"cost|sale|sells|sold|bought|yours|price|pay|much|money",
        "colour": r"colou?r|paint|is (?:bright )?|looks",
        "material": r"made|material|consist|carved|is all",
        "owner": r"belong|own|property|is \w|whose",
        "maker": r"made|built|work of|designed|put together|maker|[Ww]hose work",
        "weight": r"weigh|scales|heavy",
        "kept": r"kept|stands|seen|place|is in|left|find|put|where|Where",
        "opens": r"open|lets|starts the day",
        "closes": r"clos|shut|open until|ends the day|stay open|Until|until",
        "street": r"on |street|end of|found|entrance|moved|corner|address|where|Where",
        "sells": r"sell|sold|buy|offer|best|shelves",
        "day_off": r"closed|open|off|rest|shut",
        "phone": r"phone|call|reach|number",
    },
    "zh": {
        "job": r"职业|工作|本职|本行|是|当|做|干|靠",
        "workplace": r"工作|上班|干活|打工|受雇|单位",
        "boss": r"老板|上司|领导|打工|手下|归|受雇|听命",
        "birthplace": r"生|老家|来自|人|家乡|故乡|来的",
        "home": r"住|家|房|搬|定居",
        "food": r"吃|食物|菜",
        "drink": r"喝|饮料|杯子",
        "pet": r"养|宠物|家里有|有一|一起过|照顾|动物",
        "age": r"岁|年龄|年纪|多大",
        "favourite_colour": r"喜欢|最爱|穿|买|偏爱|钟爱|颜色",
        "hobby": r"喜欢|爱好|爱|有空|总是|闲|消遣|干什么|空闲|业余",
        "sport": r"会|爱|喜欢|每|放学|下班|拿手|厉害|迷上|学|运动|周末",
        "instrument": r"会|学|练|演奏|一手|乐器",
        "language": r"说|学|教|懂|讲|语|会",
        "studies": r"学|系|读|念|专业|研究",
        "teacher": r"学|老师|教|师|上课",
        "transport": r"坐|乘|上班|交通|出门",
        "children": r"孩子",
        "wakes": r"起床|醒|起来|闹钟|一天",
        "room": r"房",
        "birthday": r"生日",
        "fear": r"怕|跑|发抖|尖叫",
        "dream": r"想|梦想|希望|打算|理想|志愿|将来",
        "spouse": r"结|夫妻|成了家|爱人|另一半|伴侣",
        "sister": r"姐姐",
        "brother": r"弟弟",
        "friend": r"朋友|要好",
        "country": r"国|在|位于|属于|坐落|是",
        "river": r"河|靠|在|沿",
        "population": r"人|居民|人口",
        "founded": r"年|历史|建",
        "famous": r"闻名|出名|著称|有名|吸引|名|来",
        "mayor": r"市长",
        "weather": r"天",
        "price": r"卖|买|要|价|花|值|钱|付",
        "colour": r"色|漆|涂",
        "material": r"做|制|造|材料|用料|材质|雕",
        "owner": r"的|归|属于|主人|拥有|物主",
        "maker": r"做|造|制作|手|作者",
        "weight": r"重|称|秤|分量",
        "kept": r"放|摆|收|在|位置|找|留|搬|忘",
        "opens": r"开门|营业|开张|打开",
        "closes": r"关|营业|打烊|下班|开到",
        "street": r"在|开|搬|地址|位置|去",
        "sells": r"卖|出售|供应|买|招牌",
        "day_off": r"休息|不开门|不营业|歇业",
        "phone": r"电话|联系|号码|打(?!烊|开)|接",
    },
}


def is_about(topic: str, sentence: str) -> bool:
    language = "zh" if re.search(r"[\u3400-\u9fff]", sentence) else "en"
    return re.search(TOPICS[language][topic], sentence) is not None


def says(text: str, topic: str, answer: str) -> bool:
    """Whether some sentence has the value and a word that goes with the topic."""
    return any(
        answer.casefold() in sentence.casefold() and is_about(topic, sentence) for sentence in sentences_of(text)
    )


def sentences_of(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s|(?<=[。！？])|\n", text) if part.strip()]


# ---- who did what ----

EVENT_WORDS = {
    "en": {"buy": r"bought|buy|sold", "sell": r"sold|sell", "lend": r"lent|borrow",
           "give": r"g[ao]ve|given|got|receiv|handed",
           "meet": r"met|ran into", "find": r"found|came across", "lose": r"lost|left", "send": r"sent|posted|post"},
    "zh": {"buy": r"买|卖给", "sell": r"卖|买走", "lend": r"借", "give": r"送|得到|给了", "meet": r"遇见|见了面|碰",
           "find": r"捡到|发现|找到", "lose": r"丢|忘在", "send": r"寄"},
}  # fmt: skip
PLACES = r"[Ww]here|place|哪里|哪儿|什么地方|地方"
SLOT_WORDS = {
    "l": PLACES, "d": r"[Ww]hen|day|什么时候|哪天|哪一天|星期几|周几", "t": r"time|hour|几点",
    "m": r"much|cost|price|多少钱|价钱", "o": r"[Ww]hat|[Ww]hich|什么", "a": r"[Ww]ho|谁", "p": r"[Ww]ho|谁|seller",
}  # fmt: skip


# ---- who is older ----

ENDS = [
    ("older", "younger", "old"), ("taller", "shorter", "tall"), ("faster", "slower", "fast"),
    ("stronger", "weaker", "strong"),
    ("heavier", "lighter", "heavy"), ("richer", "poorer", "rich"), ("louder", "quieter", "loud"),
    ("busier", "lazier", "busy"),
    ("happier", "sadder", "happy"), ("more patient", "less patient", "patient"),
    ("年长", "年轻", ""), ("高", "矮", ""), ("跑得快", "跑得慢", ""), ("强壮", "瘦弱", ""), ("重", "轻", ""),
    ("有钱", "穷", ""),
    ("忙", "闲", ""), ("勤快", "懒", ""), ("胖", "瘦", ""), ("细心", "粗心", ""),
]  # fmt: skip
COMPARED = (
    r"(?P<a>[\w' ]+?) (?:is|has always been) (?:a little |much |a bit )?(?P<m>[a-z ]+?) than (?P<b>[\w' ]+)\.",
    r"(?P<b>[\w' ]+?) is not as (?P<plain>[a-z]+) as (?P<a>[\w' ]+)\.",
    r"Of (?P<x>[\w' ]+?) and (?P<y>[\w' ]+?), (?P<a>(?P=x)|(?P=y)) is the (?P<m>[a-z ]+) one\.",
    r"谁都看得出(?P<a>\w+?)比(?P<b>\w+?)(?P<m>{ends})。",
    r"(?P<a>\w+?)比(?P<b>\w+?)(?:稍微|要)?(?P<m>{ends})(?:一点|一些)?。",
    r"(?P<b>\w+?)(?:没有|不如)(?P<a>\w+?)(?P<m>{ends})。",
    r"(?P<x>\w+?)和(?P<y>\w+?)比，(?P<a>(?P=x)|(?P=y))更(?P<m>{ends})。",
)


def winner(text: str, question: str) -> set[str]:
    """Who it is by the sentences, of those whom the question names; none where they are not compared."""
    every = "|".join(end for ends in ENDS for end in ends[:2] if not end.isascii())
    found: set[str] = set()
    for sentence in sentences_of(text):
        bare = sentence.strip().removeprefix("Everyone can see that ")
        for form in COMPARED:
            match = re.fullmatch(form.replace("{ends}", every), bare)
            if match:
                found |= _by_match(match.groupdict(), question)
                break
        else:
            raise AssertionError(f"no comparison: {sentence}")
    return found


def _by_match(parts: dict[str, str | None], question: str) -> set[str]:
    first = parts["a"] or ""
    second = parts.get("b") or (parts["y"] if parts["x"] == first else parts["x"]) or ""
    measure = parts.get("m") or next(more for more, _, plain in ENDS if plain and plain == parts.get("plain"))
    more, less = next(ends[:2] for ends in ENDS if measure in ends[:2])
    if measure == less:
        first, second = second, first
    if not (_named(first, question) and _named(second, question)):
        return set()
    bare = question.replace(first, "").replace(second, "")
    if re.search(more if not more.isascii() else rf"\b{more}\b", bare):
        return {first}
    return {second} if less in bare else set()


def _named(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name), text) is not None
