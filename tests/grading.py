"""What a text is worth as the reply to an item."""

from jielong.contract import Message, Reply
from jielong.tasks.item import Item
from jielong.tasks.task import Task


def reply(text: str) -> Reply:
    return Reply(Message("assistant", text))


async def score(task: Task, item: Item, text: str) -> float:
    return (await task.metric.score(item, reply(text))).value
