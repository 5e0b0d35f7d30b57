"""A published checkpoint becomes a plain Llama folder: the same model, once, whole."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from kb_qa.errors import CheckpointError
from kb_qa.xverse.disk import RESERVE
from kb_qa.xverse.manifest import MANIFEST, check_prepared, read_manifest, record_of
from kb_qa.xverse.preparation import prepare
from tests.kb_qa.xverse.official import (
    CODE_FILES,
    END,
    GENERATION,
    Shape,
    make_official,
    needed_tensors,
    official_config,
    write,
)

ROOT = Path(__file__).parents[3]
KILLED = Path(__file__).with_name("killed_preparation.py")
ROUNDS = 40
LARGE = Shape(hidden=512, intermediate=2048, layers=36, vocabulary=8000)

# The peak is what the pages of this process took, in kilobytes; torch itself is in `before`.
MEASURED = """
import resource, sys
from pathlib import Path
from kb_qa.xverse.preparation import prepare
import torch
torch.load(Path(sys.argv[1]) / "small.bin", weights_only=True, mmap=True)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare(Path(sys.argv[1]) / "source", Path(sys.argv[1]) / "target", tell=lambda line: None)
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def quiet(line: str) -> None:
    """Tell nobody."""


class Lines(list[str]):
    """What was told."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_official(tmp_path / "XVERSE-7B-Chat")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "prepared"


def greedy(model: LlamaForCausalLM, prompt: list[int]) -> list[int]:
    with torch.inference_mode():
        ids = torch.tensor([prompt])
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=24,
            do_sample=False,
            temperature=None,
            top_k=None,
            top_p=None,
            repetition_penalty=1.0,
        )
    return [int(token) for token in out[0, len(prompt) :]]


def test_the_prepared_folder_is_the_same_model(source: Path, target: Path) -> None:
    """In fp32 its logits and its greedy answers are those of the published weights."""
    prepared = LlamaForCausalLM.from_pretrained(
        prepare(source, target, tell=quiet), dtype=torch.float32
    ).eval()
    config = {"rope_theta": 10000.0, "torch_dtype": "float32"}
    config |= {key: value for key, value in official_config().items() if key.endswith("_size")}
    fields = ("num_hidden_layers", "num_attention_heads", "rms_norm_eps")
    config |= {key: official_config()[key] for key in (*fields, "max_position_embeddings")}
    published = LlamaForCausalLM(LlamaConfig(**config, tie_word_embeddings=False)).eval()
    published.load_state_dict({k: v.float() for k, v in needed_tensors().items()}, strict=True)
    published.generation_config = prepared.generation_config
    rnd = random.Random(3)
    answers = []
    for _ in range(20):
        prompt = [rnd.randrange(4, 1200) for _ in range(rnd.randrange(1, 40))]
        with torch.inference_mode():
            ids = torch.tensor([prompt])
            torch.testing.assert_close(prepared(ids).logits, published(ids).logits)
        answers.append(greedy(prepared, prompt))
        assert answers[-1] == greedy(published, prompt)
    assert len({tuple(answer) for answer in answers}) > 10


def test_the_weights_are_safetensors_alone(source: Path, target: Path) -> None:
    """Bit for bit the published ones, in their type, without inv_freq, with a sound index."""
    prepare(source, target, tell=quiet)
    index = json.loads((target / "model.safetensors.index.json").read_text())
    expected = needed_tensors()
    assert index["weight_map"].keys() == expected.keys()
    for file in set(index["weight_map"].values()):
        for name, tensor in load_file(target / file).items():
            assert index["weight_map"][name] == file
            assert tensor.dtype is torch.bfloat16
            assert tensor.equal(expected[name])
        with safe_open(target / file, framework="pt") as opened:
            assert opened.metadata() == {"format": "pt"}
    assert not list(target.glob("*.bin"))


def test_no_code_comes_along(source: Path, target: Path, tmp_path: Path) -> None:
    """A hostile modeling_xverse.py is neither run nor copied, and nothing names it."""
    trace = tmp_path / "owned"
    for name in CODE_FILES:
        (source / name).write_text(f"open({str(trace)!r}, 'w')\n")
    prepare(source, target, tell=quiet)
    AutoTokenizer.from_pretrained(target)
    LlamaForCausalLM.from_pretrained(target)
    assert not trace.exists()
    assert not list(target.glob("*.py"))
    assert not any("auto_map" in path.read_text() for path in target.glob("*.json"))


def test_the_library_reads_the_tokenizer(source: Path, target: Path) -> None:
    """With its special tokens, its template, and every space of a text."""
    tokenizer = AutoTokenizer.from_pretrained(prepare(source, target, tell=quiet))
    text = "  知识库 has  two spaces\n\n"
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert tokenizer.convert_tokens_to_ids([END, "<pad>", "<|startoftext|>"]) == [3, 1, 2]
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "你好"}], tokenize=False, add_generation_prompt=True
    )
    assert asked == "Human: 你好\n\nAssistant: "


def test_the_generation_config_is_the_published_one(source: Path, target: Path) -> None:
    """Where there is none, one with the special tokens is made."""
    prepare(source, target, tell=quiet)
    assert json.loads((target / "generation_config.json").read_text()) == GENERATION
    (source / "generation_config.json").unlink()
    prepare(source, target.with_name("other"), tell=quiet)
    made = json.loads((target.with_name("other") / "generation_config.json").read_text())
    assert made == {"pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}


def test_the_manifest_names_every_file_read_and_written(source: Path, target: Path) -> None:
    """With size and SHA-256, so that a folder can be held against it."""
    prepare(source, target, name="xverse/XVERSE-7B-Chat", tell=quiet)
    manifest = read_manifest(target)
    assert manifest.source == "xverse/XVERSE-7B-Chat"
    assert manifest.files.keys() == {path.name for path in target.iterdir()} - {MANIFEST}
    for name, record in manifest.files.items():
        assert record_of(target / name) == record
    assert {name for name in manifest.made_from if name.endswith(".bin")} == {
        path.name for path in source.glob("*.bin")
    }
    for name, record in manifest.made_from.items():
        assert record_of(source / name) == record


def test_a_prepared_folder_is_not_prepared_again(source: Path, target: Path) -> None:
    """The second time nothing is written, nothing is told, and it is quick."""
    prepare(source, target, tell=quiet)
    before = {path: path.stat().st_mtime_ns for path in target.iterdir()}
    told, began = Lines(), time.monotonic()
    prepare(source, target, tell=told)
    assert time.monotonic() - began < 0.1
    assert told == []
    assert {path: path.stat().st_mtime_ns for path in target.iterdir()} == before


def test_other_weights_in_the_source_are_prepared_anew(source: Path, target: Path) -> None:
    """Though their files have the same names and sizes."""
    prepare(source, target, tell=quiet)
    make_official(source, seed=1)
    prepare(source, target, tell=quiet)
    read = load_file(target / file_of(target, "lm_head.weight"))["lm_head.weight"]
    assert read.equal(needed_tensors(seed=1)["lm_head.weight"])


def file_of(target: Path, tensor: str) -> str:
    index = json.loads((target / "model.safetensors.index.json").read_text())
    return str(index["weight_map"][tensor])


def test_a_source_written_again_unchanged_is_known_by_its_hash(source: Path, target: Path) -> None:
    """A copy of the folder, younger than the manifest, costs a look at its bytes and no more."""
    prepare(source, target, tell=quiet)
    for path in source.iterdir():
        os.utime(path, (time.time() + 5, time.time() + 5))
    told = Lines()
    prepare(source, target, tell=told)
    assert told == []


def test_a_damaged_folder_is_prepared_again(source: Path, target: Path) -> None:
    """From the source that is still there."""
    prepare(source, target, tell=quiet)
    (target / "model-00003-of-00008.safetensors").write_bytes(b"short")
    prepare(source, target, tell=quiet)
    check_prepared(target)


def test_a_shard_done_before_is_kept_and_a_damaged_one_made_again(
    source: Path, target: Path, tmp_path: Path
) -> None:
    """What an earlier run left is held against its hash; only what is missing is converted."""
    hidden = source / "pytorch_model-00006-of-00008.bin"
    sound = hidden.read_bytes()
    middle = bytearray(sound)
    middle[len(sound) // 2] ^= 1
    hidden.write_bytes(middle)
    with pytest.raises(CheckpointError, match="damaged"):
        prepare(source, target, tell=quiet)
    hidden.write_bytes(sound)
    aside = tmp_path / "prepared.partial"
    (aside / "model-00002-of-00008.safetensors").write_bytes(b"damaged since")
    told = Lines()
    prepare(source, target, tell=told)
    assert [line.split()[1] for line in told[:-1]] == [
        f"pytorch_model-0000{number}-of-00008.bin" for number in (2, 6, 7, 8)
    ]
    assert not aside.exists()


def test_nothing_is_written_for_what_cannot_be_prepared(source: Path, target: Path) -> None:
    """All of a checkpoint is looked through first."""
    (source / "pytorch_model-00008-of-00008.bin").write_bytes(b"")
    before = set(target.parent.rglob("*"))
    with pytest.raises(CheckpointError):
        prepare(source, target, tell=quiet)
    assert set(target.parent.rglob("*")) - before <= {target.parent / ".prepared.lock"}


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, target: Path) -> None:
    """One that has more tokens than the embedding."""
    source = make_official(tmp_path / "small", shape=Shape(vocabulary=1199))
    with pytest.raises(CheckpointError, match="token id 1199, but the model knows 1199"):
        prepare(source, target, tell=quiet)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_missing_description_is_named(source: Path, target: Path, name: str) -> None:
    """Before a weight is converted."""
    (source / name).unlink()
    told = Lines()
    with pytest.raises(CheckpointError, match=name):
        prepare(source, target, tell=told)
    assert told == []


def test_a_full_disk_is_told_before_anything_is_written(source: Path, target: Path) -> None:
    """With what is free and what is needed; exactly enough is enough."""
    weights = sum(path.stat().st_size for path in source.glob("*.bin"))
    with pytest.raises(CheckpointError, match=r"needs 0\.20 GB .* 0\.00 GB are free"):
        prepare(source, target, tell=quiet, free=lambda _: 1_000_000)
    assert not target.exists()
    prepare(source, target, tell=quiet, free=lambda _: weights + RESERVE)


def test_a_place_that_cannot_be_written_is_told(source: Path, tmp_path: Path) -> None:
    """With the way to another place."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CheckpointError, match="--to DIR"):
        prepare(source, tmp_path / "file" / "prepared", tell=quiet)


def test_a_folder_of_something_else_is_not_replaced(source: Path, target: Path) -> None:
    """What the user keeps there stays."""
    target.mkdir()
    (target / "thesis.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="not made by this program"):
        prepare(source, target, tell=quiet)
    assert (target / "thesis.txt").read_text() == "mine"


def test_two_at_once_prepare_once(source: Path, target: Path) -> None:
    """The second waits, says so, and takes what the first made."""
    told = [Lines(), Lines()]
    started = threading.Barrier(2)

    def work(number: int) -> None:
        started.wait()
        prepare(source, target, tell=told[number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check_prepared(target)
    done = sorted(told, key=len)
    assert len([line for line in done[1] if line.startswith("preparing")]) == 8
    assert [line for line in done[0] if not line.startswith("another process")] == []


def test_safetensors_are_taken_as_they_are(tmp_path: Path, target: Path) -> None:
    """A Llama folder costs no conversion and, on the same disk, no room."""
    source = make_official(
        tmp_path / "llama", model_type="llama", architectures=["LlamaForCausalLM"]
    )
    for path in (*source.glob("*.bin"), source / "pytorch_model.bin.index.json"):
        path.unlink()
    save_file(needed_tensors(), source / "model.safetensors", {"format": "pt"})
    prepare(source, target, tell=quiet)
    (held,) = target.glob("*.safetensors")
    assert held.samefile(source / "model.safetensors")
    model = LlamaForCausalLM.from_pretrained(target)
    assert model.lm_head.weight.equal(needed_tensors()["lm_head.weight"])


def test_safetensors_cut_short_are_told(tmp_path: Path, target: Path) -> None:
    """As pickles are."""
    source = make_official(tmp_path / "llama")
    save_file(needed_tensors(), source / "model.safetensors", {"format": "pt"})
    whole = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        prepare(source, target, tell=quiet)


@pytest.mark.parametrize("vocabulary", [1200, 1278])
def test_other_dense_sizes_are_prepared_the_same_way(
    tmp_path: Path, target: Path, vocabulary: int
) -> None:
    """As 13B and 65B: more layers and heads, another number of shards, a vocabulary of its own."""
    shape = Shape(hidden=80, intermediate=216, layers=5, heads=5, vocabulary=vocabulary)
    source = make_official(tmp_path / "XVERSE-13B-Chat", shape=shape, shards=5)
    model = LlamaForCausalLM.from_pretrained(prepare(source, target, tell=quiet))
    assert model.state_dict().keys() == needed_tensors(shape).keys()


def test_memory_stays_near_one_shard(tmp_path: Path) -> None:
    """Eight shards of about 28 MB take the memory of one and a half; not of all of them."""
    make_official(tmp_path / "source", shape=LARGE)
    torch.save({"x": torch.ones(3)}, tmp_path / "small.bin")
    shard = max(path.stat().st_size for path in (tmp_path / "source").glob("*.bin"))
    assert 20e6 < shard < 40e6
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    before, peak = (1024 * int(number) for number in done.stdout.split())
    assert peak - before < 1.5 * shard, ((peak - before) / shard, done.stdout)


def test_kill_at_any_instant_serves_nothing_half(tmp_path: Path) -> None:
    """After kill -9 at 40 random instants of a preparation, what is there says so only if it is
    whole, and the next run goes on to the end."""
    done = subprocess.run(
        [sys.executable, str(KILLED), str(tmp_path), str(ROUNDS), "1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    killed = [line for line in done.stdout.splitlines() if "killed" in line]
    assert len(killed) > ROUNDS // 3, done.stdout
    assert any(" 0 shards" not in line for line in killed), done.stdout


def test_a_description_changed_by_hand_is_prepared_anew(source: Path, target: Path) -> None:
    """The user corrected the published generation config."""
    prepare(source, target, tell=quiet)
    write(source / "generation_config.json", GENERATION | {"top_k": 5})
    prepare(source, target, tell=quiet)
    assert json.loads((target / "generation_config.json").read_text())["top_k"] == 5
