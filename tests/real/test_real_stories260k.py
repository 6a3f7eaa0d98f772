"""A real checkpoint from elsewhere: converted, it says what its authors documented."""

import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from jielong import Message, Request, Sampling, load

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.real

SCRIPT = Path(__file__).parents[2] / "examples" / "stories260k_to_hf.py"


@pytest.fixture(scope="module")
def stories(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stories260K")
    subprocess.run([sys.executable, str(SCRIPT), str(data / "tiny_lm_stories260K"), str(out)], check=True)
    return out


def test_the_documented_greedy_text(data: Path, stories: Path):
    page = (data / "tiny_lm_stories260K" / "stories260K.md").read_text()
    documented = re.search(r"-t 0\.0\n(.*?)```", page, re.S)
    assert documented
    request = Request((Message("user", ""),), Sampling(temperature=0, max_tokens=256))
    reply = anyio.run(load(f"local:{stories}").generate, request)
    assert documented[1].strip() in reply.text
    asked = [sys.executable, "-m", "jielong", "ask", "", "-m", f"local:{stories}", "--max-tokens", "256"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    assert documented[1].strip() in said


def test_logprobs_are_those_of_transformers(stories: Path):
    request = Request((Message("user", "Once upon a time"),))
    scored = anyio.run(load(f"local:{stories}").logprobs, request, ", there was a little girl named Lily.")
    model = transformers.AutoModelForCausalLM.from_pretrained(stories, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(stories)
    prompt = tokenizer.encode("Once upon a time")
    whole = tokenizer.encode("Once upon a time, there was a little girl named Lily.")
    assert whole[: len(prompt)] == prompt
    said = whole[len(prompt) :]  # not encoded alone, where it would begin a text and get a space of its own
    with torch.no_grad():
        logprobs = torch.log_softmax(model(torch.tensor([[*prompt, *said]])).logits[0].double(), -1)
    expected = [logprobs[len(prompt) - 1 + i, token].item() for i, token in enumerate(said)]
    assert [t.logprob for t in scored] == pytest.approx(expected, abs=1e-5)
