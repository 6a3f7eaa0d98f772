"""A second reading of word problems, clause by clause, with its own lists of verbs. What it cannot read it leaves."""

# ruff: noqa: E501
import re
from fractions import Fraction

from world.evaluate_facts import _HAN

LESS = re.compile(
    r"given away|\bgives?\b(?! (?:him|her|me|us|them) (?:another )?\d)|\bgave\b(?! (?:him|her|me|us|them) (?:another )?\d)|loses?\b|lost|sells?\b|sold|breaks?\b|broke|thr[eo]ws?\b|thrown|donate|lends?\b(?! (?:him|her|me|us|them) (?:another )?\d)|"
    r"lent\b(?! (?:him|her|me|us|them) (?:another )?\d)|\buse[sd]?\b|burn|forg[eo]t|waste|trade|mislay|mislaid|left|tossed|got rid|hand(?:s|ed)?\b(?! (?:him|her|me|us|them) (?:another )?\d)|"
    r"sends?\b(?! (?:him|her|me|us|them) (?:another )?\d)|sent\b(?! (?:him|her|me|us|them) (?:another )?\d)|pass(?:es|ed)? |takes?\b|took|stole|disappear|fell apart|are gone|\beats?\b|\bate\b|eaten|cook(?!ie)|"
    r"swallow|nibble|gobble|devour|fe[e]?ds?\b|snatch|rotten|went bad|mud|in a soup|in a cake|salad|in a pie|spen[dt]|pays?\b(?! (?:him|her|me|us|them) (?:another )?\d)|paid|costs?\b|"
    r"returns?|fall through|fell through|leave|go away|go home|run away|went away|went home|ran away|had to go|walk off|walked off|leads|led\b|"
    r"minus|ruin|destroy|wreck|swept|popped|burst|crack(?!er)|melt|rust|blew|sank|confiscat|washed away|recycl|shipp|handed out|got wet|torn|dropped|misplaced|mailed off|auctioned|buried|smash|scrap|dumped|raffled|swapped|"
    r"fried|boiled|chopped|scoffed|wolfed|finished off|snacked|squashed|grilled|juiced|polished off|got at|\bgone\b|get sold|g[eo]t broken|carried off|carries off|\bsold\b|sent out|spent|"
    r"remove|steals|missing|a customer buys|a customer bought|child buys|bought a |buys? a |buy some bread|"
    r"送|丢|卖|打坏|弄坏|捐|扔|用掉|用去|用了|烧|忘|落下|浪费|拿走|借走|取走|要走|偷|抢走|买走|带走|不见|吹走|借出|"
    r"摔坏|退[掉了]|寄出|发走|处理掉|上交了|打碎|磕坏|剪坏|弄脏|坏了|减|少了|被领|被买|被借|卖了|"
    r"吃|煮|尝|做菜|吞|喂|做汤|做蛋糕|烂|泥|花[了掉去]|付|还给|走了|离开|跑了|走掉|走开|先走|领走|搬走|拿出|卖出|取出|运走|被用掉|交给(?!(?:他|她|我)(?!的))|借给(?!(?:他|她|我)(?!的))|寄给(?!(?:他|她|我)(?!的))|分给(?!(?:他|她|我)(?!的))|给了(?!(?:他|她|我)(?!的))"
)
MORE = re.compile(
    r"buys?\b|bought|gets?\b|got\b|finds?\b|found|receives?d?\b|wins?\b|won\b|collect|picks?|picked|gathers?|gathered|orders?|ordered|obtain|makes?\b|made\b|brings?\b|brought|"
    r"harvest|borrows?|borrowed|accepts?|added|adds?\b|arrive|came|come\b|earn|save[sd]?\b|gives?|gave|hands?|handed|lends?|lent|offers?|has given|sends?|sent|pays|paid|given|join|show|appear|turn|"
    r"move|let in|puts? in|deliver|put there|plus|inherit|dug up|unpack|snapped up|ended up with|scooped|acquir|bagged|grabbed|fetch|stocked up|"
    r"抽中|换来|抢到|翻出|淘到|补了|进了|又|新到|"
    r"找到|买|得到|赢|收到|捡|拿到|弄到|收集|领了|借来|带来|寄来|送来|拿来|递来|添|加|放|要来|多了|摘|采|收了|挣|赚|存|攒|给|来|到了|进|搬|运来|借给|寄给|交给|付给"
)
TWICE = re.compile(r"doubl|twice|翻倍|翻了|增加了一倍|两倍")
HALF = re.compile(r"\bhalf\b|一半")
TIMES = re.compile(r"\btimes\b|multiplied|倍")
PARTS = re.compile(r"among|equal|parts|\bin \d+$|share|平均|分成|分给.*自己")


_NAMED_FIRST = re.compile(f"^[{_HAN}]{{2,3}}(?=[把又给])")


def solve(told: tuple[tuple[str, str], ...]) -> Fraction | None:
    """The number that is there in the end, from the clauses alone; None where a clause is beyond this reader."""
    value: Fraction | None = None
    if told[0][0].startswith("compare"):
        return None
    for rule, words in told[:-1]:
        clause = _NAMED_FIRST.sub("他", words)  # a syllable of a name, as 加 or 多, is no verb
        numbers = [Fraction(number) for number in re.findall(r"\d+", clause)]
        if value is None:
            value = _opening(clause, numbers)
            if value is None:
                return None
        elif len(numbers) > 1:
            return None
        elif not rule.startswith("distractor"):
            changed = _changed(value, numbers[0] if numbers else None, clause)
            if changed is None:
                return None
            value = changed
    return _asked(value, told[-1][1])


def _opening(clause: str, numbers: list[Fraction]) -> Fraction | None:
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) != 2 or re.search(r"more than|fewer|less than|times as|twice|half|[比倍]", clause):
        return None
    one, other = numbers
    each = r"\beach\b|\bevery\b|(?<!\bout )\bof \d+ |apiece|a piece|\bper |a day|a week|an hour|\d+ (?:bags|boxes|jars|trays|packs|crates|baskets|bowls|packets|cartons|sacks|cases|buckets|tins|drawers|folders|tubs|bundles) (?:with|of)|\brows|\blines|\bgroups|\bteams|columns|每|各|(?<!第)一\w[有里是装卖得]|一(?:[袋盒罐盘包箱筐碗篮盆桶]|抽屉)(?:\d|装|有|里|是)|(?<!第)一天|天天|一小时|都放|装的|一[排行]"
    if re.search(each, clause, re.IGNORECASE) and not re.match("Of ", clause):
        return one * other
    took = (
        r"gave away|lost|sold|broke|used up|threw away|stolen|thrown away|given away|giving away|losing|selling|breaking|using up|before that (?:he|she|I|we|they) had|took|are gone|got lost|"
        r"taken away|removed|bought \d+ of|carried off|leave|go away|left\b(?! bag| pocket| box| one)|went away|送|丢|卖|坏|扔|不见|偷|借|要走|拿走|取走|搬走|买走|交给|用掉|走了|离开|回家|跑了"
    )
    gave_him = r"brought (?:him|her|me|us|them)|gave (?:him|her|me|us|them)|sent (?:him|her|me|us|them)|handed (?:him|her|me|us|them)|adds|added|received|\bgot \d|more|gave\b(?! away)|送来|带来|寄来|送给.*又?也?送|刚收到|刚买|今天得到|又|除了|送了|也给|也送"
    if re.search(r"before that|; before|之前|原[来先]", clause):
        lost = r"sold|gave|sent|lent|handed|to (?:a|the|his|her|my|our|their|[A-Z])|took|lost|送给|借给|卖给|交给|送出|丢|卖|弄|打坏|用掉"
        return (
            max(one, other) - min(one, other)
            if re.search(lost, clause)
            and not re.search("receiv|got|得到|收到|买|送来|除了|[给送][了他她我](?!的)", clause)
            else one + other
        )
    if re.search(took, clause) and not re.search(gave_him, clause):
        return max(one, other) - min(one, other)
    return one + other


def _changed(value: Fraction, by: Fraction | None, clause: str) -> Fraction | None:
    if by is None:
        return value * 2 if TWICE.search(clause) else value / 2 if HALF.search(clause) else value
    if TIMES.search(clause):
        return value * by
    if PARTS.search(clause):
        return value / by
    if re.search(
        r"\bmore\b|another|additional|\bothers?\b|new ones|\badd|又|也来|也到|多了|(?:付给|借给|送给|给了|寄给|交给|送了)(?:他|她|我)(?!的)|送来|寄来",
        clause,
    ) and not re.search("吃|把.*给了|[给卖借](?:了)?(?:朋友|妹妹|邻居|表哥|同学|弟弟|几个孩子|客人|老师|叔叔)", clause):
        return value + by
    if re.search(
        r"(?:[Ss]omebody|customer|child|worker|cook|[A-Z]\w+) (?:buys|bought)|^(?:our|my|the|an?|grandma|grandpa)\b.* (?:buys|bought)|borrowed .*of the|children borrowed|classmate borrowed|borrow\w* \d+ of|for \d+ |用\d+",
        clause,
    ):
        return None
    if "borrowed" in clause and not re.search(r"from (?!him\b|her$|me|us|them)|^(?:he|she|I|we|they) borrowed", clause):
        return value - by if re.search("from (?:him|her|me|us|them)$", clause) else None
    if LESS.search(clause) and not re.search(
        r"(?:gives|gave|lends|lent|hands|handed|sends|sent|pays|paid|offers|brings|brought|given|paid|sold|sells?)\b (?:him|her|me|us|them) (?:another |an additional )?\d|(?:is|am|are|was|were) (?:paid|given)(?! away)|for (?:his|her|my|our|their) help|as a reward|for washing|for mowing|(?:sells?|sold) (?:a|an) |得到|挣|赚",
        clause,
    ):
        return None if re.search(r"[买收得]", clause) else value - by
    return value + by if MORE.search(clause) else None


def _asked(value: Fraction | None, question: str) -> Fraction | None:
    """What the question makes of what is there: no change, or a last calculation."""
    numbers = [Fraction(number) for number in re.findall(r"\d+", question)]
    if value is None or not numbers:
        return value
    if len(numbers) > 1:
        return None
    by = numbers[0]
    if re.search("[Hh]ow much|[Ww]hat are they worth|price", question):
        return value * by
    if re.search("平均|平分|均分|公平", question):
        return value / by
    if re.search("相差|比.*[多少][多少几]|fewer|difference|[多少]几|^.{1,6}少几", question):
        return abs(value - by)
    if re.search(r"rows|\beach\b.*(?:hold|get)|[缺差]|多少.*[才要]|还[要需少]", question) and not re.search(
        "worth|相差|rows", question
    ):
        return value / by if re.search("each", question) else abs(value - by)
    if re.search(
        r"\btogether|合起来|两人一共|两人共|两人总共|他们共|他们总共|他们一共|加上|两个人|和.*一共有", question
    ) and not re.search(r"worth|price|share|\beach\b", question):
        return value + by
    if re.search(r"coins|dollars|euros|元|块钱|枚硬币", question) and re.search(
        r"[Hh]ow much|price|worth|多少[钱元]", question
    ):
        return value * by
    if re.search(
        r"\btogether|in all\?|altogether\?|in total\?|does that make|一共有|共有|合起来|总共有", question
    ) and not re.search(r"need|missing|must|short of|rows|装|行|排|缺|差|要|share", question):
        return value + by
    if re.search(
        r"\beach\b|\brows| to an? |fit|holds|share|of \d+\. How many|in one|每|平[均分]|均分|一[人袋盒罐盘包箱筐碗篮盆桶抽]",
        question,
    ):
        return value / by
    return abs(value - by)
