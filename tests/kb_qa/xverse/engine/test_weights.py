"""A folder that does not hold what it should is refused in one line."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from kb_qa.errors import CheckpointError, SettingsError
from kb_qa.xverse.engine import Sampling, load_engine
from tests.kb_qa.xverse.engine.conftest import Tiny
from tests.kb_qa.xverse.engine.models import NEW, generate

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
NORM = "model.norm.weight"


@pytest.fixture
def folder(llama: Tiny, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(llama.folder, tmp_path / "model"))


def test_several_files_are_read_by_their_index(llama: Tiny, tmp_path: Path) -> None:
    """A model that was saved in shards answers as in one file."""
    llama.model.save_pretrained(tmp_path, max_shard_size="100KB")
    assert (tmp_path / INDEX).exists()
    with load_engine(tmp_path, device="cpu", dtype="float32") as engine:
        answers = generate(engine, llama.prompts[:5], Sampling(max_tokens=NEW))
    assert answers == llama.answers[:5]


def test_a_missing_tensor_is_named(folder: Path) -> None:
    """The line says which, where, and to prepare the model again."""
    change_tensors(folder, lambda tensors: tensors.pop(NORM))
    with raises_line(
        rf"{folder}: the tensor model\.norm\.weight cannot be read .*prepare it again"
    ):
        load_engine(folder, device="cpu")


def test_a_tensor_of_another_shape_is_named(folder: Path) -> None:
    """The line says both shapes."""
    change_tensors(folder, lambda tensors: tensors.update({NORM: torch.ones(7)}))
    with raises_line(r"model\.norm\.weight has the shape \(7,\), and config\.json says \(64,\)"):
        load_engine(folder, device="cpu")


def test_an_index_cannot_name_a_file_elsewhere(folder: Path) -> None:
    """A path in it is not followed out of the folder."""
    outside = folder.parent / "outside.safetensors"
    shutil.move(folder / WEIGHTS, outside)
    names = dict.fromkeys(load_file(outside), "../outside.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": names}))
    with raises_line(r"the tensor model\.embed_tokens\.weight cannot be read"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"model.embed_tokens.weight": 3}}'],
)
def test_an_index_that_is_none_is_refused(folder: Path, text: str) -> None:
    """Whatever stands in it, the error is a line."""
    (folder / INDEX).write_text(text)
    with raises_line("cannot be read"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_refused(folder: Path, share: float) -> None:
    """A download cut short is not served, wherever it was cut."""
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: int(len(whole) * share)])
    with raises_line("cannot be read .*prepare it again"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_type", "xverse_moe"),
        ("hidden_act", "gelu"),
        ("attention_bias", True),
        ("mlp_bias", True),
        ("rope_scaling", {"rope_type": "dynamic", "factor": 4.0}),
        ("rope_scaling", {"type": "linear", "factor": 2.0}),
        ("rope_parameters", {"rope_type": "yarn", "rope_theta": 10000.0}),
    ],
)
def test_what_is_no_dense_llama_is_refused(folder: Path, name: str, value: object) -> None:
    """The line says which entry, what it is, and what would run."""
    change_config(folder, **{"rope_parameters": None, "rope_scaling": None} | {name: value})
    said = name.replace("rope_scaling", "rope_type").replace("rope_parameters", "rope_type")
    with raises_line(rf"config\.json: {said} is '?[\w]+'?, and only '?\w+'? runs here"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"model_type": "llama"}', "\udcff"])
def test_a_configuration_that_is_none_is_refused(folder: Path, text: str) -> None:
    """Whatever stands in it, the error is a line."""
    (folder / CONFIG).write_text(text, errors="surrogateescape")
    with raises_line("not a Llama's configuration"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize("name", ["num_attention_heads", "hidden_size"])
def test_a_number_that_cannot_be_is_refused(folder: Path, name: str) -> None:
    """Neither words nor nothing stands for a size."""
    for value in (None, 0, "many"):
        change_config(folder, head_dim=None, **{name: value})
        with raises_line(rf"not a Llama's configuration \(ValueError.*{name} is {value!r}"):
            load_engine(folder, device="cpu")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    """No folder, a file, or an empty folder: what is missing is named."""
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with raises_line(r"config\.json: no such file; give a folder that holds a model"):
            load_engine(place, device="cpu")


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("dtype", "float8", "give one of bfloat16, float16, float32"),
        ("quantize", "int2", "give one of none, int8, int4"),
        ("max_model_len", 1, "the model was made for 2 to 256 tokens"),
        ("max_model_len", 257, "the model was made for 2 to 256 tokens"),
    ],
)
def test_a_setting_out_of_range_is_named(
    llama: Tiny, name: str, value: object, remedy: str
) -> None:
    """The line says which, its value, and which could be."""
    with pytest.raises(SettingsError, match=rf"^{name}={value!r}: {remedy}$"):
        load_engine(llama.folder, device="cpu", **{name: value})  # type: ignore[arg-type]


def test_a_shorter_context_is_kept(llama: Tiny) -> None:
    """`max_model_len` is what prompt and answer have together."""
    with load_engine(llama.folder, device="cpu", max_model_len=100) as engine:
        assert engine.max_model_len == 100
        answers = generate(engine, [[1] * 98], Sampling(max_tokens=50))
    assert [len(each) for each in answers] == [2]


def raises_line(pattern: str) -> AbstractContextManager[object]:
    """A CheckpointError of one line."""
    return pytest.raises(CheckpointError, match=pattern, check=lambda error: "\n" not in str(error))


def change_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))
