"""Signatures of techniques in the reference, as a caller writes them.

`self_consistency(model, request, *, n=8)` is called as `self_consistency(n=8)`; the result is a step for `model | …`.
"""

from __future__ import annotations

from typing import Any

from griffe import ExprName, Extension, Function, Parameters

SUPPLIED = {"adds_input": 1, "adds_output": 2}  # how many leading parameters the decorator fills in


class TechniqueSignatures(Extension):
    def on_function(self, *, func: Function, **_: Any) -> None:
        for decorator in func.decorators:
            name = str(decorator.value).partition("(")[0]
            if name in SUPPLIED:
                func.parameters = Parameters(*list(func.parameters)[SUPPLIED[name] :])
                func.returns = ExprName("Technique", parent=func.parent)
