"""improve, on a CSV of one's own and any OpenAI-compatible endpoint: which techniques help, by how much, at what price.

    python examples/improve_csv.py questions.csv openai:gpt-5-mini 500000

questions.csv has a column of questions and one of answers; the number is the most tokens that the run may take.
"""

import sys
from pathlib import Path

from jielong import improve
from jielong.reporting.improve.report_page import write_page

file, model, tokens = sys.argv[1:]
result = improve(file, model, budget_tokens=int(tokens))
print(f"{result.verdict.kind}: {result.verdict.recipe}")
for comparison in result.comparisons:
    low, high = comparison.ci95 or (-1.0, 1.0)  # None: too few items for an interval
    gain = f"{comparison.difference:+.2f} [{low:+.2f}, {high:+.2f}]"
    print(f"{comparison.recipe}: {gain} on {comparison.n} new questions, p = {comparison.p_holm:.3g}")
usage = result.search_usage + result.final_usage
print(f"{usage.input_tokens + usage.output_tokens:,} tokens in {usage.calls:,} calls")
page = Path(file).with_suffix(".html")
write_page(result, page, "en")
print(f"report: {page}")
