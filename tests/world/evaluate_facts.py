"""A second reading of statements about the world: its own word lists and its own idea of who comes first."""

# ruff: noqa: E501
import re

VALUES = {
    "job": "baker pilot doctor teacher painter farmer singer lawyer miller sailor tailor nurse judge cook smith guard "
    "面包师 飞行员 医生 老师 画家 农民 歌手 律师 磨坊主 水手 裁缝 护士 法官 厨师 铁匠 警卫",
    "food": "rice soup bread cheese fish honey noodles beans mango tofu pasta salad pears cake corn yogurt "
    "米饭 汤 面包 奶酪 鱼 蜂蜜 面条 豆子 芒果 豆腐 通心粉 沙拉 梨 蛋糕 玉米 酸奶",
    "pet": "cat dog parrot rabbit turtle horse goat lizard duck hamster 猫 狗 鹦鹉 兔子 乌龟 马 山羊 蜥蜴 鸭子 仓鼠",
    "material": "gold iron wood glass stone paper silver clay copper bone 金 铁 木头 玻璃 石头 纸 银 陶土 铜 骨头",
    "colour": "red blue green yellow white black brown pink grey purple "
    "红色 蓝色 绿色 黄色 白色 黑色 棕色 粉色 灰色 紫色",
}
_SYLLABLE = (
    "ka|ri|mo|na|te|lu|so|vi|ba|do|fe|ga|hu|ja|ke|la|me|ni|pa|ro|sa|ta|va|wi|ya|zo|be|da|go|he|ki|le|ma|no|pi|shi|tu|vo|"
    "zu|lin"
)
NAME = rf"(?i:{_SYLLABLE})(?:{_SYLLABLE}){{1,2}}"
_HAN = "卡里莫娜特露索维巴多菲加胡贾克拉梅尼帕罗萨塔瓦威雅佐贝达戈赫基勒马诺皮希图沃祖林"
_THINGS = "灯|桥|戒指|钟|塔|船|鼓|王冠"
DENIED = re.compile(
    r"\bnot\b|n't\b|\bcannot\b|\bno\b|\bNo\b|\bnever\b(?! get enough)|untrue|\bfalse\b|\bwrong\b|incorrect|other than|anything but|any colour but"
    r"|anywhere but|else than|lies outside|town outside|some other|another town than|(?<!吃)不|没|并非|是假的|是错的"
)
_BORN = (
    r"born|native|birthplace|home town|place of birth|town of birth|town of origin|comes? from|(?:is|isn't) (?:not )?from|hail|roots|"
    r"life of|came into|first saw|raised|originally|started life|person from|出生|来自|生于|老家|生在|家乡|故乡|籍贯|\w人。|"
    r"生命|世上|原本|从\w+来|的出来"
)


def read_statement(text: str) -> tuple[str, str, str]:
    """(relation, subject, value) of one sentence."""
    relation, subject, value, denied = read_claim(text)
    assert not denied, text
    return relation, subject, value


def read_claim(text: str) -> tuple[str, str, str, bool]:
    """(relation, subject, value, whether it is denied) of one sentence."""
    denied = bool(DENIED.search(text))
    read = _english if re.search("[A-Za-z]", text) else _chinese
    return *read(text), denied


def _english(text: str) -> tuple[str, str, str]:
    thing = re.search(rf"[Tt]he ({NAME} (?:lamp|bridge|ring|clock|tower|ship|drum|crown))\b", text)
    names = re.findall(rf"\b{NAME}\b", text)
    names = [name for name in names if name[0].isupper()]
    if point := re.search(r"\d+, \d+", text):
        return "place", names[0], point[0]
    if thing:
        relation, value = _listed(text.replace(thing[0], ""), ("material", "colour"))
        return relation, thing[1], value
    if len(names) == 1:
        relation, value = _listed(text.replace(names[0], ""), ("job", "food", "pet"))
        return relation, names[0], value
    one, other = names
    if re.search(r"\briver\b|stream|the water that|^The water|^The [A-Z]", text):
        first = re.match(rf"(?:The river|The|On the river) {NAME}\b", text) is not None
        return "river", *((other, one) if first else (one, other))
    if re.search(_BORN, text):
        first = re.match(
            rf"(?:It (?:is|was) {NAME}|In the town of|In {NAME}|A person from|A native of|{NAME} (?:is|was|isn't|is not|was not) (?:the (?!native of)|where|{NAME}'s))",
            text,
        )
        return "birthplace", *((other, one) if first else (one, other))
    first = re.match(
        rf"(?:It is {NAME}|In (?:the country of )?{NAME}|{NAME} has a town|{NAME} (?:is|isn't|is not) (?:the country|where))",
        text,
    )
    return "country", *((other, one) if first else (one, other))


def _chinese(text: str) -> tuple[str, str, str]:
    named = f"[{_HAN}]{{2,4}}"
    if point := re.search(r"\d+, \d+", text):
        return "place", re.findall(named, text.replace("地图", "").replace("图上", ""))[0], point[0]
    if country := re.search(f"[{_HAN}]{{2,3}}国", text):
        return "country", re.findall(named, text.replace(country[0], "@"))[0], country[0]
    if river := re.search(f"[{_HAN}]{{2,3}}河", text):
        return "river", re.findall(named, text.replace(river[0], "@"))[0], river[0]
    names = re.findall(named, text)
    thing = re.search(f"[{_HAN}]{{2,3}}(?:{_THINGS})", text)
    rest = text.replace(thing[0], "@").replace("铁匠", "@") if thing else ""
    if thing and any(word in rest for key in ("colour", "material") for word in VALUES[key].split()):
        relation, value = _listed(rest, ("material", "colour"))
        return relation, thing[0], value
    if len(names) == 1:
        relation, value = _listed(text.replace(names[0], "@"), ("job", "food", "pet"))
        return relation, names[0], value
    one, other = names
    first = re.match(
        f"{named}(?:是|就是|不是|并不是|并非)[{_HAN}]+(?:的|来到|生命|出生的小镇)|在{named}，|{named}有个人叫|{named}镇上",
        text,
    )
    return "birthplace", *((other, one) if first else (one, other))


def _listed(text: str, relations: tuple[str, ...]) -> tuple[str, str]:
    """The relation and the value: the words of a list that stand in the text, the food after what is said of jobs."""
    found = []
    for relation in relations:
        for word in VALUES[relation].split():
            edge = r"\b" if word.isascii() else ""
            if re.search(f"{edge}{word}{edge}", text, re.IGNORECASE):
                found.append((len(word), relation, word))
    assert found, f"no value: {text}"
    return max(found)[1:]


_ASKS = (
    ("river", r"\briver|stream|河"),
    ("country", r"country|nation|国"),
    ("place", r"\bmap\b|coordinates|地图|坐标|图上"),
    (
        "birthplace",
        r"\bborn\b|birth|home ?town|native|town of origin|come[s]? from|(?<!made )(?<!built )\bfrom\b(?! what)|hail|start life|began|begin|come into|first see|出生|来自|生于|老家|生在|家乡|故乡|籍贯|哪儿生|哪里人|哪儿来|来的|的人",
    ),
    ("job", r"工作|职业|活儿|谋生|行当|营生|差事|靠啥吃饭"),
    (
        "material",
        r"^(?:of|from|out of) what\b|(?:made|built)[ _](?:of|from|out of) (?:what|which)\b|material|stuff|made[ _](?:of|from|out)|built (?:of|from)|consist|used|went into|what is .* (?:made|built)|材|料|做的|造的|制成|做成|用的|用什么|用啥|做了|什么做|被用来做",
    ),
    ("colour", r"colou?r|paint|shade|look like|色|漆|涂|刷"),
    (
        "food",
        r"\beat|dinner|fond of|food|dish|meal|cook for|serve|吃|食物|最.*的东西|喜欢的东西|菜|口味|心头好|最爱|馋",
    ),
    ("pet", r"\bpet|animal|keep|一只什么|养|宠物|动物|照顾|照看|喂|陪|做伴|一起生活|跟着"),
    (
        "job",
        r"for a living|work|\bjob|\btrade|profession|occupation|calling|money|living|become|\bdo(?:es)?\b.*\?|what .* does|做什么|做啥的|干|谋生|职业|工作|行|本行|营生|差事|为生|过活|生活|当的|活儿|从事",
    ),
)


def asks(question: str, relation: str, subject: str) -> bool:
    """Whether a question is about this relation of this subject: the first that its words speak of."""
    named = re.search(rf"\b{subject}\b" if subject.isascii() else subject, question)
    if not named:
        return False
    rest = question.replace(subject, "_")
    return next((key for key, words in _ASKS if re.search(words, rest, re.IGNORECASE)), "") == relation
