"""A measurement turns a model and a task into a report: accuracy with its interval, and what a difference is worth."""

from jielong import evaluate

report = evaluate("mini:word_problems", "mini", "mini | cot", "mini | program_of_thought", limit=40)
for result in report.results:
    low, high = result.accuracy.ci95
    tokens = (result.usage.input_tokens + result.usage.output_tokens) / len(result.answers)
    print(f"{result.model:28} {result.accuracy.mean:.2f} [{low:.2f}, {high:.2f}]  {tokens:.0f} tokens an item")
for result, pair, p in report.comparisons():
    print(f"{result.model:28} {pair.difference:+.2f} over plain, p = {p:.3g}")
