"""Which checkpoint a `local:` spec means, and whether it is whole, found out without torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ...bounded_json import read_json
from ...errors import BadInput, DamagedFile, MissingExtra
from ...registry import unknown_name
from ...regular_files import check_regular_file
from ..llama_engine import fastest_engine
from ..llama_weights import read_settings, unsupported_setting

OPTIONS, ENGINES = ("device", "dtype", "engine"), ("torch", "onnx", "numpy")
MINI = Path(__file__).parents[1] / "mini" / "weights"
_WEIGHTS = ("*.safetensors", "*.jinja")
MAX_PARTS = 10_000  # of the weights, a file each
MAX_HEADER_BYTES = 64_000_000  # of a safetensors file; a real one takes some 100 bytes a tensor
DEVICES, DTYPES = ("auto", "cpu", "cuda", "mps"), ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Checkpoint:
    spec: str = field(compare=False)  # as it was written
    folder: Path
    device: str
    dtype: str
    engine: str  # torch, onnx or numpy
    adapter: Path | None = None
    adapter_hash: str = ""  # one that was trained again in the same folder is another one

    @property
    def base(self) -> Checkpoint:
        """The checkpoint without its adapter."""
        return replace(self, spec=str(self.folder), adapter=None, adapter_hash="")

    @property
    def files_hash(self) -> str:
        """Of the base's files, and of the adapter's."""
        return f"{folder_hash(self.folder)} {self.adapter_hash}".rstrip()

    @property
    def tokenizer_folder(self) -> Path:
        """That of the adapter where it has a tokenizer, which then knows more tokens, else the base's."""
        files = ("tokenizer.json", "tokenizer_config.json")
        own = self.adapter if self.adapter and all((self.adapter / name).exists() for name in files) else None
        return own or self.folder


def open_checkpoint(rest: str) -> Checkpoint:
    """`PATH`, `ORG/NAME` or `mini`, or any of them with an adapter (`BASE+ADAPTER`), with `?device=cuda&dtype=bfloat16`
    or `?engine=onnx` or `numpy`.

    Raises BadInput, DamagedFile, MissingExtra.
    """
    whole, _, query = rest.partition("?")
    where, adapter = split_adapter(whole)
    if not where:
        raise BadInput("local: needs a checkpoint, as in local:PATH or local:ORG/NAME")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option of local:", name, OPTIONS)
    device, dtype = options.get("device", "auto"), options.get("dtype", "auto")
    if device.partition(":")[0] not in DEVICES:
        raise unknown_name("device", device, DEVICES)
    if dtype not in DTYPES:
        raise unknown_name("dtype", dtype, DTYPES)
    engine = options.get("engine") or (
        "torch" if find_spec("torch") and find_spec("transformers") else fastest_engine()
    )
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    if adapter and (engine != "torch" or not find_spec("peft")):
        if options.get("engine", "torch") != "torch":
            raise BadInput(f"local:{whole}: engine={engine} computes no adapters; leave it out, or merge the adapter")
        raise MissingExtra(f"local:{whole}", "train")
    if engine == "onnx" and not find_spec("onnxruntime"):
        raise MissingExtra(f"local:{where} with engine=onnx", "fast")
    if engine != "torch" and (device not in ("auto", "cpu") or dtype not in ("auto", "float32")):
        raise MissingExtra(f"local:{where} on {device} in {dtype}", "local")
    path = Path(where).expanduser()  # a recipe in quotes keeps its ~ from the shell
    folder = path if path.exists() else MINI if where == "mini" else _download(where, ("*.json", *_WEIGHTS))
    _check_files(folder)
    adapter_folder = open_adapter(adapter) if adapter else None
    if engine != "torch" and not options.get("engine") and unsupported_setting(read_settings(folder / "config.json")):
        raise MissingExtra(f"local:{where}", "local")
    adapter_hash = folder_hash(adapter_folder) if adapter_folder else ""
    return Checkpoint(rest, folder, device, dtype, engine, adapter_folder, adapter_hash)


def split_adapter(where: str) -> tuple[str, str]:
    """`BASE+ADAPTER` as its two parts, the second empty where there is none. A folder's name may have a +, too."""
    if Path(where).expanduser().exists():
        return where, ""
    cuts = [(where[: match.start()], where[match.end() :]) for match in re.finditer(r"\+", where)]
    there = [cut for cut in cuts if all(Path(part).expanduser().exists() for part in cut)]
    half = [cut for cut in cuts if any(Path(part).expanduser().exists() for part in cut)]
    return (there or half or cuts or [(where, "")])[0]


def open_adapter(where: str) -> Path:
    """The folder of an adapter in PEFT's layout, from the hub where there is no such folder. Raises BadInput and
    DamagedFile."""
    path = Path(where).expanduser()
    folder = path if path.exists() else _download(where, ("adapter_config.json", "tokenizer*", *_WEIGHTS))
    if not (folder / "adapter_config.json").exists():
        whole = " (it is a whole checkpoint)" if (folder / "config.json").exists() else ""
        raise BadInput(f"{folder}: no adapter_config.json; expected an adapter in PEFT's layout{whole}")
    settings = read_settings(folder / "adapter_config.json")
    if settings.get("megatron_config") or not isinstance(settings.get("peft_type"), str):
        raise DamagedFile(f"{folder / 'adapter_config.json'}: no configuration of an adapter that can be computed here")
    file = folder / "adapter_model.safetensors"
    if not file.exists():
        raise DamagedFile(
            f"{folder}: adapter_model.safetensors is missing; other formats can run code and are not read"
        )
    _check_weights(file)
    return folder


def _download(name: str, patterns: Sequence[str]) -> Path:
    """A snapshot from the hub (HF_ENDPOINT, HF_HUB_OFFLINE and the cache are honoured): safetensors, never pickle."""
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise BadInput(f"local:{name}: no such folder; expected a checkpoint folder or ORG/NAME of a hub")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise MissingExtra(f"local:{name}", "local") from None
    try:
        return Path(snapshot_download(name, allow_patterns=[*patterns]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:160]
        raise BadInput(f"local:{name}: no such folder, and the hub cannot give it ({reason})") from None


def _check_files(folder: Path) -> None:
    if folder.is_file():
        raise BadInput(
            f"{folder} is a file; expected a checkpoint folder in Hugging Face layout, as {folder.parent} may be"
        )
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        base = read_settings(folder / "adapter_config.json").get("base_model_name_or_path")
        named = f" (it names {str(base)[:100]})" if base else ""
        raise BadInput(
            f"{folder} is an adapter; write local:BASE+{folder} with the model that it was trained on{named}"
        )
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).exists():
            raise DamagedFile(f"{folder}: {name} is missing; expected a checkpoint in Hugging Face layout")
    for name in ("config.json", "tokenizer_config.json", "generation_config.json"):
        if (folder / name).exists():
            read_settings(folder / name)
    files = weight_files(folder)
    if not files:
        raise DamagedFile(f"{folder}: no .safetensors file; other formats can run code and are not read")
    for name in _names_of_weights(folder, files):
        if not (folder / name).exists():
            raise DamagedFile(f"{folder}: {name} is missing; fetch it again")
    for file in files:
        _check_weights(file)


def _names_of_weights(folder: Path, files: Sequence[Path]) -> list[str]:
    """The files that the weights were split into, as the index says, or else the numbers in their own names."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            return sorted({str(name) for name in read_settings(index)["weight_map"].values()})
        except (KeyError, AttributeError, TypeError):
            raise DamagedFile(f"{index}: no weight_map; fetch it again") from None
    if part := re.fullmatch(r"(.*)-(\d{1,9})-of-(\d{1,9})\.safetensors", files[0].name):
        stem, width, count = part[1], len(part[2]), int(part[3])
        return [f"{stem}-{n:0{width}}-of-{part[3]}.safetensors" for n in range(1, min(count, MAX_PARTS) + 1)]
    return []


@dataclass(frozen=True)
class GenerationDefaults:
    """`end`: the tokens that end a reply. `temperature`: what an unset one means."""

    end: frozenset[int]
    temperature: float


def generation_defaults(folder: Path) -> GenerationDefaults:
    """From `generation_config.json`, the end tokens else from `config.json`; greedy where it does not sample."""
    file = folder / "generation_config.json"
    config = read_settings(file) if file.exists() else {}
    end = config.get("eos_token_id", read_settings(folder / "config.json").get("eos_token_id"))
    end_tokens = end if isinstance(end, list) else [] if end is None else [end]
    temperature = config.get("temperature", 1.0) if config.get("do_sample") else 0.0
    if not isinstance(temperature, int | float) or not 0 <= temperature < 1000:
        raise DamagedFile(f"{file}: temperature is {str(temperature)[:40]!r}; expected a number")
    if not all(isinstance(token, int) and 0 <= token < 2**31 for token in end_tokens):
        raise DamagedFile(f"{folder}: eos_token_id is {str(end)[:40]!r}; expected numbers of tokens")
    return GenerationDefaults(frozenset(end_tokens), float(temperature))


def is_classifier(folder: Path) -> bool:
    """Whether the checkpoint answers with a label (transformers' `…ForSequenceClassification`) and not with a text."""
    names = read_settings(folder / "config.json").get("architectures")
    return isinstance(names, list) and any(str(name).endswith("ForSequenceClassification") for name in names)


def weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.safetensors"))


def _check_weights(file: Path) -> None:
    """A safetensors file states its length in its header, so a partial download is found without reading it all."""
    check_regular_file(file)
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header: dict[str, Any] = read_json(opened.read(min(length, MAX_HEADER_BYTES)))
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError):
        raise DamagedFile(f"{file} is not a safetensors file; fetch it again") from None
    actual, expected = file.stat().st_size, 8 + length + max(ends, default=0)
    if actual != expected:
        raise DamagedFile(f"{file} has {actual:,} bytes and should have {expected:,}; fetch it again")


def folder_hash(folder: Path) -> str:
    """The hash of weights, configuration, tokenizer and template; read again only where a size or time has changed."""
    files = [*weight_files(folder), *sorted(folder.glob("*.json")), *sorted(folder.glob("*.jinja"))]
    return _hash_of_files(tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files))


@cache
def _hash_of_files(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, _, _ in files:
        with open(name, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
