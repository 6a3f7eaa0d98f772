"""What is wrong with a file of settings is said in our words, in both languages."""

from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.reporting.translation import translate
from jielong.training.train_config import read_train_config

GOOD = """
out = "x"
start = "mini"
[[stages]]
source = "mini:world"
tokens = 20480
length = 256
[loop]
batch_tokens = 4096
learning_rate = 0.0005
"""


@pytest.mark.parametrize(
    ("old", "new", "english", "chinese"),
    [
        ("[loop]", "[lopp]", "loop is missing (and 1 more)", "缺少 loop（另有 1 处）"),
        ("learning_rate", "lr", "loop.learning_rate is missing (and 1 more)", "缺少 loop.learning_rate（另有 1 处）"),
        ("tokens = 20480", "tokens = 20480\nlenght = 1", "unknown setting 'stages.0.lenght'; did you mean 'stages.0.length'?",
         "没有名为 'stages.0.lenght' 的设置；是不是 'stages.0.length'？"),
        ("= 4096", '= "many"', "loop.batch_tokens: expected a whole number, found 'many'", "loop.batch_tokens：应为整数，却是 'many'"),
        ("= 4096", "= 4096.5", "loop.batch_tokens: expected a whole number, found 4096.5", "应为整数"),
        ("= 0.0005", '= "fast"', "loop.learning_rate: expected a number, found 'fast'", "应为数字"),
        ("= 0.0005", "= 0", "loop.learning_rate: expected more than 0.0, found 0", "应为大于 0.0 的数"),
        ("= 0.0005", "= inf", "loop.learning_rate: expected a finite number, found inf", "应为有限的数"),
        ("= 0.0005", "= 0.0005\nwarmup_steps = -1", "loop.warmup_steps: expected at least 0, found -1", "应为不小于 0 的数"),
        ("= 0.0005", "= 0.0005\ndecay = 2", "loop.decay: expected at most 1.0, found 2", "应为不大于 1.0 的数"),
        ("= 0.0005", '= 0.0005\noptimizer = "adam"', "loop.optimizer: expected 'muon' or 'adamw', found 'adam'", "却是 'adam'"),
        ("= 0.0005", '= 0.0005\nbf16 = "perhaps"', "loop.bf16: expected true or false, found 'perhaps'", "应为 true 或 false"),
        ("= 0.0005", "= 0.0005\nsnapshots = 5", "loop.snapshots: expected a list, found 5", "应为列表"),
        ('out = "x"', "out = 5", "out: expected a text in quotes, found 5", "应为加引号的文本"),
        ('start = "mini"', "start = 5", "start: expected a text in quotes, found 5", "应为加引号的文本"),
        ('start = "mini"', "evaluation = 5", "evaluation: expected a section with settings, found 5", "应为一节设置"),
        ("= 0.0005", "= 0.0005\nwarmup_steps = 100",
         "loop.warmup_steps = 100, and the training has 5 steps: it would never leave the warm-up", "而训练只有 5 步"),
        ("length = 256", "length = 300", "loop.batch_tokens = 4096 is no multiple of length 300", "不是 length 300 的倍数"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_that_says_what_is_expected(
    old: str, new: str, english: str, chinese: str, tmp_path: Path
):
    file = tmp_path / "c.toml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        read_train_config(file)
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}: {english}")
    assert "\n" not in sentence
    assert chinese in translate(sentence, "zh")


def test_a_short_run_leaves_its_warm_up_and_can_be_resumed(tmp_path: Path):
    file = tmp_path / "c.toml"
    for tokens, steps, warmup, interval in ((20_480, 5, 0, 1), (409_600, 100, 10, 10), (20_480_000, 5_000, 100, 250)):
        file.write_text(GOOD.replace("tokens = 20480", f"tokens = {tokens}"))
        config = read_train_config(file)
        assert config.steps == steps
        assert (config.loop.warmup(steps), config.loop.checkpoint_interval(steps)) == (warmup, interval)
