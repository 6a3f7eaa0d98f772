"""What comes of task files as people have them; the cases stand in data_files_as_met.py."""

from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.tasks.load_task import load_task
from jielong.tasks.task import Task
from tasks.data_files_as_met import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}: {case.name}")
def test_a_file_is_read_as_it_is_meant(case: Case, tmp_path: Path):
    file = tmp_path / case.file
    file.write_bytes(case.content)
    if case.refused is not None:
        with pytest.raises(BadInput) as caught:
            load_task(str(file))
        assert case.refused in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    check(case, load_task(str(file)))


def check(case: Case, task: Task) -> None:
    request = "\n".join(message.text for message in task.items[0].request().messages)
    place = 0
    for text in case.asked:
        place = request.find(text, place)
        assert place >= 0, f"{text!r} is not where it should be in {request[:400]!r}"
    said = " ".join([*task.rejected, *task.notes])
    assert not [text for text in case.absent if text in request or text in said]
    assert len(task.items) == case.items
    assert task.items[0].choices == case.choices or not case.choices
    if case.accepted or case.metric == "judge":
        assert task.items[0].accepted == case.accepted
    assert case.metric in (None, task.metric.name)
    assert not [text for text in case.lost if text not in said], said
