"""The network of `llama_numpy` as a graph for ONNX Runtime, which keeps matrices in the order its kernels read them.

One graph serves prompts, steps and scores. The cache stays in NumPy's memory and is written in place. A row has the
same figures, to the bit, in any company: ONNX Runtime multiplies packed matrices row by row in one order.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from .llama_weights import Floats, Integers, Weights, cores
from .onnx_graph import FLOAT, INT32, INT64, Graph

if TYPE_CHECKING:
    from .llama_engine import Forward

WIDE_HIDDEN = 768  # hidden size from which threads share a product; below, they share the rows of a batch


class OnnxLlama:
    def __init__(self, weights: Weights) -> None:
        graph = llama(weights)
        options = onnxruntime.SessionOptions()
        wide = weights.head().shape[1] >= WIDE_HIDDEN
        self.parallel_passes = 1 if wide else cores()
        options.intra_op_num_threads = 0 if wide else 1
        # A waiting thread would take a core from other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._initializers = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in graph.weights.values()]
        options.add_external_initializers(list(graph.weights), self._initializers)
        self._session = onnxruntime.InferenceSession(graph.model(), options, providers=["CPUExecutionProvider"])
        self._vocabulary = len(weights.head())

    def bind_cache(self, keys: Floats, values: Floats) -> Forward:
        return _BoundSession(self._session, self._vocabulary, keys, values)

    def fixed_threads(self) -> AbstractContextManager[None]:
        return nullcontext()  # its threads are its own


class _BoundSession:
    """The session with its inputs and outputs in fixed places; binding them costs more than running a step."""

    def __init__(self, session: Any, vocabulary: int, keys: Floats, values: Floats) -> None:
        self._session, self._binding, self._vocabulary = session, session.io_binding(), vocabulary
        self._shape: tuple[int, ...] = ()
        self._cache = keys, values
        for name, cache in (("keys", keys), ("values", values)):
            for layer, part in enumerate(cache):
                self._bind(f"{name} {layer}", part)
                self._bind(f"{name} {layer} after", part, output=True)

    def __call__(self, tokens: Integers, lengths: Integers, wanted: Integers) -> Floats:
        (rows, new), shape = tokens.shape, (*tokens.shape, len(wanted))
        if shape != self._shape:
            self._shape = shape
            self._tokens, self._wanted = np.empty((rows, new), np.int64), np.empty(len(wanted), np.int64)
            self._last, self._longest = np.empty(rows, np.int32), np.empty((), np.int32)
            self._logits = np.empty((len(wanted), self._vocabulary), np.float32)
            for name in ("tokens", "wanted", "last", "longest"):
                self._bind(name, getattr(self, f"_{name}"))
            self._bind("logits", self._logits, output=True)
        self._tokens[:], self._wanted[:] = tokens, wanted
        self._last[:] = lengths + (new - 1)
        self._longest[...] = self._last.max() + 1
        self._session.run_with_iobinding(self._binding)
        return self._logits

    def _bind(self, name: str, array: Any, output: bool = False) -> None:
        bind = self._binding.bind_output if output else self._binding.bind_input
        bind(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)


def llama(weights: Weights) -> Graph:
    """Tokens (rows, new) and a cache to logits (wanted, vocabulary). `last`: where each row's last token stands."""
    graph, w, hidden = Graph(), weights, weights.head().shape[1]
    tokens, wanted = graph.input("tokens", INT64, "rows", "new"), graph.input("wanted", INT64, "wanted")
    last, longest = graph.input("last", INT32, "rows"), graph.input("longest", INT32)
    cosine, sine = (graph.weight(name, t) for name, t in zip(("cosine", "sine"), w.rotations(), strict=True))
    precision = {"epsilon": float(w.epsilon)}
    flat = graph.shape("flat", -1, hidden)

    def product(x: str, name: str, *parts: str) -> str:
        output: str = graph.op("MatMul", x, graph.weight(name, w.matrix(*parts).T))
        return output

    def add_and_norm(x: str, addend: str, name: str) -> tuple[str, str]:
        scale = graph.weight(name, w.tensors[f"{name}.weight"])
        outputs = (f"{name} normed", f"{name} mean", f"{name} deviation", f"{name} sum")
        kind = "SkipSimplifiedLayerNormalization"
        graph.op(kind, x, addend, scale, attributes=precision, outputs=outputs, extension=True)
        return outputs[3], outputs[0]

    x = graph.op("Gather", graph.weight("embedding", w.tensors["model.embed_tokens.weight"]), tokens)
    scale = graph.weight("first", w.tensors["model.layers.0.input_layernorm.weight"])
    normed = graph.op("SimplifiedLayerNormalization", x, scale, attributes={"axis": -1, **precision})
    for layer in range(w.layers):
        name = f"model.layers.{layer}"
        qkv = product(normed, f"{name} qkv", *(f"{name}.self_attn.{part}_proj" for part in "qkv"))
        for cache in (f"keys {layer}", f"values {layer}"):
            graph.input(cache, FLOAT, "rows", w.groups, "room", w.width)
            graph.output(f"{cache} after", FLOAT, "rows", w.groups, "room", w.width)
        mixed, _, _ = graph.op(
            "GroupQueryAttention", qkv, "", "", f"keys {layer}", f"values {layer}", last, longest, cosine, sine,
            attributes={"num_heads": w.heads, "kv_num_heads": w.groups, "do_rotary": 1},
            outputs=("", f"keys {layer} after", f"values {layer} after"), extension=True,
        )  # fmt: skip
        if layer == w.layers - 1:  # from here on only the wanted tokens are computed
            size = graph.shape("flat heads", -1, w.heads * w.width)
            mixed = graph.op("Gather", graph.op("Reshape", mixed, size), wanted)
            x = graph.op("Gather", graph.op("Reshape", x, flat), wanted)
        attention = product(mixed, f"{name} out", f"{name}.self_attn.o_proj")
        x, normed = add_and_norm(x, attention, f"{name}.post_attention_layernorm")
        gate = product(normed, f"{name} gate", f"{name}.mlp.gate_proj")
        gate = graph.op("QuickGelu", gate, attributes={"alpha": 1.0}, extension=True)
        both = graph.op("Mul", gate, product(normed, f"{name} up", f"{name}.mlp.up_proj"))
        after = f"model.layers.{layer + 1}.input_layernorm" if layer < w.layers - 1 else "model.norm"
        x, normed = add_and_norm(x, product(both, f"{name} down", f"{name}.mlp.down_proj"), after)
    graph.op("MatMul", normed, graph.weight("head", w.head().T), outputs=("logits",))
    graph.output("logits", FLOAT, "wanted", len(w.head()))
    return graph
