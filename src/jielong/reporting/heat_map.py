"""What a needle task found, by the length of the text and the depth of the fact."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..stats import Estimate

_CELL = re.compile(r"(\d+) tokens, (\d+) %")
SHADES = "░▒▓█"


@dataclass(frozen=True)
class HeatMap:
    lengths: tuple[int, ...]  # tokens
    depths: tuple[int, ...]  # per cent
    shares: Mapping[tuple[int, int], Estimate]  # by length and depth

    def rows(self) -> list[list[str]]:
        """A row for each depth: the share in per cent, with a shade that shows it at a glance."""
        return [
            [f"{depth} %", *(self._cell(self.shares.get((length, depth))) for length in self.lengths)]
            for depth in self.depths
        ]

    def _cell(self, share: Estimate | None) -> str:
        return "" if share is None else f"{100 * share.mean:.0f} {SHADES[min(3, int(4 * share.mean))]}"


def heat_map(parts: Mapping[str, Estimate]) -> HeatMap | None:
    """Of the parts of a model's scores; None where they are no cells of one."""
    cells = {name: _CELL.fullmatch(name) for name in parts}
    shares = {(int(match[1]), int(match[2])): parts[name] for name, match in cells.items() if match}
    if not shares:
        return None
    lengths, depths = ({cell[i] for cell in shares} for i in (0, 1))
    return HeatMap(tuple(sorted(lengths)), tuple(sorted(depths)), shares)
