"""Word problems as notes: `stock: 9 crates, 24 per crate. sold 130. remaining?`"""

from .problem_stories import Story, as_told, sizes

_SIGNS = {"plus": "+", "minus": "-", "double": "*", "half": "/"}


def note_problem(story: Story) -> None:
    rng = story.rng
    story.set_thing(rng.choice(("thing", "food")))
    if rng.chance(0.5):
        a, b = rng.randint(2, 15), rng.randint(2, 60)
        story.start("*", *as_told(story.say("note_product", a=a, b=b), a=a, b=b))
    else:
        story.value = sizes(rng, 1)[0]
        story.say("note_start", a=story.value)
    while len(story.chain) < story.steps:
        _change(story)
    story.ask("note_ask_left" if "-" in story.chain[-1][0] and rng.chance(0.7) else "note_ask")


def _change(story: Story) -> None:
    rng, value = story.rng, story.value
    changes = ["plus", "plus", *["minus"] * 3 * (value > 4), *["double"] * (value < 300)]
    change = rng.choice(changes + ["half"] * (value % 2 == 0 and value > 4))
    if change in ("double", "half"):
        story.say(f"note_{change}")
        story.calculate(_SIGNS[change], 2)
        return
    d = rng.randint(2, 120 if change == "plus" else max(2, min(value - 1, 250)))
    story.say(f"note_{change}", d=d)
    story.calculate(_SIGNS[change], d)
