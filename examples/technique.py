"""A technique turns a model into a model: three of them, one upon the other, and one of one's own."""

from jielong import Message, Request, adds_input, cot, load, self_consistency


@adds_input
def in_one_line(request: Request) -> Request:
    """Ask for a short answer."""
    *before, question = request.messages
    return Request((*before, Message("user", f"{question.text} Answer in one line.")), request.sampling)


question = "Tom has 3 bags with 4 apples each. A friend gives 5 more. How many apples are there now?"
mini = load("mini")  # or "openai:gpt-5-mini", "ollama:qwen3", "local:FOLDER"
for model in (mini, mini | cot, mini | cot | self_consistency(n=8), mini | in_one_line):
    print(f"{model.name}, at most {model.max_calls()} calls: {model.ask(question, seed=1)}")
