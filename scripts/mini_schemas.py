"""Answers of mini under small JSON schemas: whether each is valid and ends. A mask makes them valid; ending is learnt.

python scripts/mini_schemas.py
"""

from __future__ import annotations

import json
from typing import Any

import anyio
from jsonschema import ValidationError, validate

from jielong import load
from jielong.contract import Message, Reply, Request, Sampling
from jielong.errors import JielongError

SAMPLES = 10  # of each request, at temperature 1; and one at 0
MAX_TOKENS = 200
STRING, INTEGER, NUMBER, BOOLEAN = ({"type": name} for name in ("string", "integer", "number", "boolean"))


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


def _one_of(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


SCHEMAS: tuple[tuple[dict[str, Any], str, str], ...] = (
    (_object(answer=INTEGER), "What is 17 + 25?", "17加25等于多少？"),
    (_object(answer=NUMBER), "What is 9 / 2?", "9除以2是多少？"),
    (_object(answer=STRING), "Where was Linso born?", "林索出生在哪里？"),
    (_object(correct=BOOLEAN), "Is it right that 7 + 8 = 15?", "7加8等于15，对吗？"),
    (_object(colour=_one_of("red", "green", "blue")), "The door is green. Which colour?", "门是绿色的。"),
    (_object(name=STRING, job=STRING), "Anna is a baker. Who is she?", "安娜是面包师。她是谁？"),
    (_object(name=STRING, age=INTEGER), "Tom is 34 years old.", "小明今年34岁。"),
    (_object(city=STRING, unit=_one_of("C", "F")), "Weather in Oslo in degrees Celsius?", "北京今天多少摄氏度？"),
    (_object(items=_list(STRING)), "Buy bread, milk and eggs.", "买面包、牛奶和鸡蛋。"),
    (_object(numbers=_list(INTEGER)), "Give me the numbers 3, 5 and 8.", "给我3、5、8这几个数。"),
    (_object(person=_object(name=STRING, town=STRING)), "Mia lives in Gala.", "小美住在加拉。"),
    (_object(sentiment=_one_of("positive", "negative")), "I love this book!", "这本书我太喜欢了！"),
    (_object(title=STRING, done=BOOLEAN), "The report is finished.", "报告写完了。"),
    (_object(from_=STRING, to=STRING), "Train from Lima to Cusco, please.", "我要从上海到南京的火车票。"),
    (_object(reason=STRING, answer=INTEGER), "3 bags with 4 pens each. How many pens?", "3袋笔，每袋4支，几支？"),
    (_object(yes=BOOLEAN, why=STRING), "Is Linso a nurse?", "林索是护士吗？"),
    (_object(amount=NUMBER, currency=_one_of("EUR", "USD", "CNY")), "The coat is 49 euros.", "这件大衣300元。"),
    (_object(date=STRING, time=STRING), "Dinner on Sunday at 7.", "星期天7点吃晚饭。"),
    (_list(_object(name=STRING)), "Ana and Ben came.", "安娜和小本来了。"),
    (_object(), "Say nothing.", "什么也不用说。"),
)  # fmt: skip


def measured() -> dict[str, Any]:
    """The share of replies that are valid and ended, and for which schemas some were not."""
    return anyio.run(_measured)


async def _measured() -> dict[str, Any]:
    model, right, n, bad = load("mini"), 0, 0, list[str]()
    for schema, *questions in SCHEMAS:
        for question in questions:
            samplings = [Sampling(max_tokens=MAX_TOKENS, temperature=0.0)]
            samplings += [Sampling(max_tokens=MAX_TOKENS, temperature=1.0, seed=seed) for seed in range(SAMPLES)]
            for sampling in samplings:
                try:
                    reply = await model.generate(Request((Message("user", question),), sampling, schema=schema))
                    ended = reply.finish == "stop" and _is_valid(reply, schema)
                except JielongError:
                    ended = False
                right, n = right + ended, n + 1
                if not ended and question not in bad:
                    bad.append(question)
    return {"share": right / n, "n": n, "schemas": len(SCHEMAS), "not_always": bad}


def _is_valid(reply: Reply, schema: dict[str, Any]) -> bool:
    try:
        validate(json.loads(reply.text), schema)
    except (ValueError, ValidationError):
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(measured(), indent=1, ensure_ascii=False))
