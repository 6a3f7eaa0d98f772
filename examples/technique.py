"""A technique turns a model into a model: three of them, one around the other, and one of one's own."""

from jielong import Request, adds_input, cot, load, self_consistency
from jielong.techniques.prompting import with_question


@adds_input
def in_one_line(request: Request) -> Request:
    """Ask for a short answer."""
    return with_question(request, "Answer in one line.")


question = "Tom has 3 bags with 4 apples each. A friend gives 5 more. How many apples are there now?"
mini = load("mini")  # or "openai:gpt-5-mini", "ollama:qwen3", "local:FOLDER"
for model in (mini, mini | cot, mini | cot | self_consistency(n=8), mini | in_one_line):
    print(f"{model.name} (calls at most: {model.max_calls()}): {model.ask(question, seed=1)}")
