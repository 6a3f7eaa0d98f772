"""Replies that say that it is not told, and replies that say something."""

from __future__ import annotations

import pytest

from jielong.answers.not_told import not_told

NOT_TOLD = [
    "The sources do not tell.",
    "The text does not tell.",
    "I don't know.",
    "I do not know the answer to that.",
    "The documents provided do not mention when he was born.",
    "The provided context doesn't contain any information about her salary.",
    "None of the sources says who built it.",
    "There is no information about the price in the documents.",
    "Sorry, I could not find that in the documents.",
    "Unfortunately, the passages do not specify the date. They only describe the ceremony.",
    "Based on the given sources, it is not possible to determine the year.",
    "The answer cannot be determined from the text.",
    "His birthplace is not mentioned in the documents.",
    "Not mentioned.",
    "Unknown.",
    "It's not stated in the article, so I can't say.",
    "I'm sorry, but the documents don't say.",
    "<think>Let me look. Source 1 is about Rome.</think>The sources do not tell.",
    "**The sources do not tell.**",
    "The sources do not provide enough information to answer this question. If you can share more, I will gladly help.",
    "I’m not sure; the documents don’t say.",
    "The article never says how many there were.",
    "资料中没有说。",
    "文中没有说。",
    "我不知道。",
    "所给资料没有提到他的出生年份。",
    "根据提供的资料，无法确定答案。",
    "文档里并未提及价格。",
    "抱歉，资料中找不到相关信息。",
    "没有相关信息。",
    "资料不足，无法回答。",
    "很抱歉，我无法从这些资料中得知。",
    "未提及。",
    "上下文中没有足够的信息来回答这个问题。",
    "文章只谈到了他的学业，没有说他在哪里出生。",
]
SAYS = [
    "He was born in 1867 [1].",
    "The sources do not say when he was born, but he died in 1912 [1].",
    "The text does not give the year; however, according to [2] it was 1867.",
    "It is not known who built it [1], though the locals credit a giant named Tol [2].",
    "The document says that no information was lost in the fire [3].",
    "He told nobody where he was born, which was Rome.",
    "She did not know that the bridge was closed.",
    "Not before 1998.",
    "No.",
    "Yes, the contract mentions it.",
    "Unknown Pleasures is their first album.",
    "No mention was made of the king until 1650, when he was crowned in Riga [1].",
    "",
    "他1867年出生[1]。",
    "资料没有说他何时出生，但说他1912年去世[1]。",
    "他不知道桥已经关闭。",
    "不是1998年，而是1999年。",
    "文章没有明说年份，不过从[2]可知是1867年。",
    "没有。",
    "这份文件有三页。",
    "他没有说谎。",
]


@pytest.mark.parametrize("reply", NOT_TOLD)
def test_it_is_recognised_that_it_is_not_told(reply: str):
    assert not_told(reply)


@pytest.mark.parametrize("reply", SAYS)
def test_a_reply_that_says_something_is_an_answer(reply: str):
    assert not not_told(reply)
