"""improve, on a CSV of one's own and any OpenAI-compatible endpoint: which techniques help, by how much, at what price.

    python examples/improve_csv.py questions.csv openai:gpt-5-mini 500000

questions.csv has a column of questions and one of answers; the number is the most tokens that the run may take.
"""

import sys
from pathlib import Path

from jielong import improve
from jielong.reporting.improve.report_page import write_page

file, model, tokens = sys.argv[1:]
outcome = improve(file, model, budget_tokens=int(tokens))
print(f"{outcome.verdict.kind}: {outcome.verdict.recipe}")
for one in outcome.comparisons:
    low, high = one.ci95
    gain = f"{one.difference:+.2f} [{low:+.2f}, {high:+.2f}]"
    print(f"{one.recipe}: {gain} on {one.n} new questions, p = {one.p_holm:.3g}")
spent = outcome.search_usage + outcome.final_usage
print(f"{spent.input_tokens + spent.output_tokens:,} tokens in {spent.calls:,} calls")
page = Path(file).with_suffix(".html")
write_page(outcome, page, "en")
print(f"report: {page}")
