"""The reference has every public name once."""

import re
from collections import Counter

import jielong
from docs.snippets import DOCS


def test_every_public_name_is_in_the_reference_once():
    texts = [page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md") if ".zh" not in page.name]
    names = Counter(re.findall(r"^::: jielong\.(\w+)$", "\n".join(texts), re.M))
    assert names == Counter(name for name in jielong.__all__ if not name.startswith("__"))
