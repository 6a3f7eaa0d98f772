"""A lens turns a model and an answer into facts about why. The simplest: how likely was each token of an answer?

(The lenses proper, `jielong explain`, are not built yet. `jielong next` shows what could have come instead.)
"""

from math import exp

from jielong import Message, Request, load
from jielong.sync import run_sync

mini = load("mini")
question = "Tom has 3 bags with 4 apples each. How many apples are there?"
for text in (question, f"{question}\nLet's think step by step."):
    print(text)
    request = Request((Message("user", text),))
    for answer in ("12", "3*4=12. Answer: 12", "3*4=13. Answer: 13"):
        tokens = run_sync(mini.logprobs, request, answer)
        probabilities = " ".join(f"{token.token}({exp(token.logprob):.2f})" for token in tokens if token.token)
        print(f"  {exp(sum(token.logprob for token in tokens)):.4f}  {probabilities}")
