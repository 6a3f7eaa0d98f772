"""What endpoints say when the account cannot pay: asking again does not help, and every further call would be lost.

Codes and words are data, each with the endpoint that was seen to use it. A plain "exceeded your current quota" is not
among them: Gemini says it of a limit per minute, too, after which the next call is answered.
"""

from __future__ import annotations

import re

NO_MONEY_CODES = (
    "insufficient_quota",  # OpenAI, 429
    "exceeded_current_quota_error",  # Moonshot, 429
    "1113",  # Zhipu, 429
    "Arrearage",  # Aliyun, 400
    "billing_not_active",  # OpenAI, 429
    "insufficient_user_quota",  # One API and its kin, 403
)
NO_MONEY_WORDS = re.compile(
    r"insufficient[ _](?:account )?(?:balance|funds|credits?)|balance (?:is )?(?:not enough|too low|insufficient)"
    r"|out of credits?|account (?:is )?in arrears|overdue payment|余额不足|欠费|额度不足|账户余额",
    re.I,
)


def cannot_pay(status: int, code: str, words: str) -> bool:
    """Whether this refusal is about money."""
    if status == 402 or code in NO_MONEY_CODES:
        return True
    return status in (400, 403, 429) and NO_MONEY_WORDS.search(words) is not None
