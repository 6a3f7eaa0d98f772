"""A measurement turns a model and a task into a report: accuracy with its interval, and what a difference is worth."""

from jielong import evaluate

report = evaluate("mini:word_problems", "mini", "mini | cot", "mini | program_of_thought", limit=40)
for result in report.results:
    low, high = result.accuracy.ci95 or (0.0, 1.0)  # None: too few items for an interval
    tokens = (result.usage.input_tokens + result.usage.output_tokens) / len(result.answers)
    print(f"{result.model:28} {result.accuracy.mean:.2f} [{low:.2f}, {high:.2f}]  {tokens:.0f} tokens per item")
for comparison in report.comparisons():
    if (pair := comparison.pair) is None:
        print(f"{comparison.other.model:28} {comparison.why}")
    else:
        p_value = f"p = {comparison.p_holm:.3g}"
        print(f"{comparison.other.model:28} {pair.difference:+.2f} over the baseline, {p_value}")
