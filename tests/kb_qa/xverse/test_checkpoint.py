"""From a model's name to a folder that can be served."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb_qa.__main__ import main
from kb_qa.errors import CheckpointError
from kb_qa.xverse.checkpoint import LICENCE, find_checkpoint, load_checkpoint
from kb_qa.xverse.hub import ModelScope
from kb_qa.xverse.manifest import check_prepared, read_manifest
from tests.kb_qa.xverse.hubs import FolderHub, NoHub, Served, model_scope
from tests.kb_qa.xverse.official import make_official

MODEL = "xverse/XVERSE-7B-Chat"
DOTTED = "xverse/XVERSE-7B-Chat-1.5"
ROOT = Path(__file__).parents[3]


class Lines(list[str]):
    """What was told."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no model yet."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MODELSCOPE_HOME", str(home / ".modelscope"))
    monkeypatch.delenv("MODELSCOPE_CACHE", raising=False)
    monkeypatch.setenv("TQDM_DISABLE", "1")  # as the command does, and taken back after the test
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """What the hub has."""
    folder = make_official(tmp_path / "hub")
    (folder / "README.md").write_text("the card")
    return folder


def test_a_model_is_downloaded_prepared_and_then_at_hand(published: Path) -> None:
    """The licence and the sizes are told first; no code is fetched; afterwards no hub is asked."""
    hub, told = FolderHub(published), Lines()
    folder = load_checkpoint(MODEL, download=True, hub=hub, tell=told)
    assert folder == Path("data/models/xverse/XVERSE-7B-Chat")
    assert read_manifest(folder).source == MODEL
    assert LICENCE in told
    assert "14 files" in told[0]
    assert not [name for name in hub.fetched if name.endswith((".py", ".md"))]
    assert [path.name for path in folder.parent.iterdir() if path.name[0] != "."] == [folder.name]
    assert load_checkpoint(MODEL, download=True, hub=NoHub(), tell=told) == folder


def test_a_model_that_is_not_there_is_never_downloaded_by_itself() -> None:
    """The error says the command."""
    with pytest.raises(CheckpointError, match=f"python -m kb_qa download {MODEL}"):
        load_checkpoint(MODEL, hub=NoHub())
    assert find_checkpoint(MODEL) is None


def test_a_broken_download_is_resumed_and_never_served(published: Path) -> None:
    """What had come is not fetched again; until all is there the model is not on this machine."""
    hub = FolderHub(published, breaks_after=5)
    with pytest.raises(CheckpointError, match="the line broke"):
        load_checkpoint(MODEL, download=True, hub=hub)
    assert find_checkpoint(MODEL) is None
    hub.breaks_after = None
    check_prepared(load_checkpoint(MODEL, download=True, hub=hub))
    assert len(hub.fetched) == len(set(hub.fetched)) == 14


def test_a_download_that_was_not_prepared_is_prepared_offline(published: Path) -> None:
    """The disk was full, or the machine went down, between the two."""
    download = Path("data/models/xverse/XVERSE-7B-Chat.download")
    shutil.copytree(published, download)
    folder = load_checkpoint(MODEL, hub=NoHub())
    assert folder == Path("data/models/xverse/XVERSE-7B-Chat")
    check_prepared(folder)


def test_a_file_of_the_wrong_size_is_told(published: Path) -> None:
    """A hub's word about its files is held against what came."""
    hub = FolderHub(published)
    hub.breaks_after = None
    download = Path("data/models/xverse/XVERSE-7B-Chat.download")
    download.mkdir(parents=True)
    (download / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json has 2 of \d+ bytes"):
        load_checkpoint(MODEL, download=True, hub=hub)


def test_room_is_asked_for_before_the_first_byte(published: Path) -> None:
    """For the download and the prepared copy together."""
    hub = FolderHub(published)
    whole = sum(path.stat().st_size for path in published.iterdir())
    with pytest.raises(CheckpointError, match=r"needs .* GB in .*, and .* GB are free"):
        load_checkpoint(MODEL, download=True, hub=hub, free=lambda _: 200_000_000 + whole)
    assert hub.fetched == []


def test_a_revision_is_kept_apart(published: Path, tmp_path: Path) -> None:
    """Each in a folder of its name, where it was asked for."""
    first, second = (
        load_checkpoint(
            MODEL,
            models=tmp_path / "disk",
            revision=revision,
            download=True,
            hub=FolderHub(published),
        )
        for revision in (None, "v1.1")
    )
    assert first == tmp_path / "disk" / "xverse" / "XVERSE-7B-Chat"
    assert second == tmp_path / "disk" / "xverse" / "XVERSE-7B-Chat@v1.1"


@pytest.mark.parametrize("missing", ["tokenizer.json", "*.bin"])
def test_a_repository_without_a_model_is_told(published: Path, missing: str) -> None:
    """Before anything of it is fetched."""
    for path in published.glob(missing):
        path.unlink()
    hub = FolderHub(published)
    with pytest.raises(CheckpointError, match="on the hub"):
        load_checkpoint(MODEL, download=True, hub=hub)
    assert hub.fetched == []


LAYOUTS = [
    (MODEL, "models/xverse--XVERSE-7B-Chat/snapshots/master"),
    (MODEL, "models/xverse--XVERSE-7B-Chat/snapshots/v1.0"),
    (MODEL, "models/xverse/XVERSE-7B-Chat"),
    (MODEL, "hub/models/xverse/XVERSE-7B-Chat"),
    (MODEL, "hub/xverse/XVERSE-7B-Chat"),
    (MODEL, "xverse/XVERSE-7B-Chat"),
    (DOTTED, "hub/models/xverse/XVERSE-7B-Chat-1___5"),
    (DOTTED, "models/xverse--XVERSE-7B-Chat-1.5/snapshots/master"),
]


@pytest.mark.parametrize(("model", "place"), LAYOUTS)
@pytest.mark.parametrize("named", ["by default", "by variable"])
def test_every_layout_of_modelscopes_cache_is_known(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, place: str, named: str
) -> None:
    """A model that another program fetched, now or years ago, is used offline, and left there."""
    root = home / ".cache" / "modelscope"
    if named == "by variable":
        root = tmp_path / "data disk"
        monkeypatch.setenv("MODELSCOPE_CACHE", str(root))
    make_official(root / place)
    before = sorted(root.rglob("*"))
    folder = load_checkpoint(model, hub=NoHub(), tell=Lines())
    assert folder == Path("data/models") / model
    assert sorted(root.rglob("*")) == before
    assert load_checkpoint(model, hub=NoHub()) == folder


def test_half_a_model_in_the_cache_is_not_taken(home: Path) -> None:
    """ModelScope keeps what it has of a download that stopped."""
    half = make_official(home / ".cache/modelscope/models/xverse--XVERSE-7B-Chat/snapshots/master")
    (half / "pytorch_model-00007-of-00008.bin").unlink()
    assert find_checkpoint(MODEL) is None


@pytest.mark.parametrize("place", [".", *(place for model, place in LAYOUTS if model == MODEL)])
def test_a_folder_is_prepared_beside_itself(tmp_path: Path, place: str) -> None:
    """Whichever level of a cache was named; the user's own files stay as they are."""
    root = tmp_path / "disk" / "XVERSE"
    published = make_official(root / place)
    before = {path: path.stat().st_mtime_ns for path in published.iterdir()}
    folder = load_checkpoint(root, hub=NoHub(), tell=Lines())
    assert folder.parent == published.resolve().parent
    assert folder.name == f"{published.resolve().name}.prepared"
    assert {path: path.stat().st_mtime_ns for path in published.iterdir()} == before
    assert load_checkpoint(str(folder)) == folder
    assert load_checkpoint(root, hub=NoHub(), tell=Lines()) == folder


def test_a_folder_can_be_prepared_elsewhere(published: Path, tmp_path: Path) -> None:
    """Where its own disk is full or read-only."""
    folder = load_checkpoint(published, models=tmp_path / "disk", tell=Lines())
    assert folder == tmp_path / "disk" / "hub.prepared"


@pytest.mark.parametrize("deleted", ["*.bin", "*"])
def test_the_published_files_can_be_deleted_afterwards(published: Path, deleted: str) -> None:
    """The prepared folder beside them stands alone, and is found by the same name."""
    folder = load_checkpoint(published, tell=Lines())
    for path in published.glob(deleted):
        path.unlink()
    if deleted == "*":
        published.rmdir()
    assert load_checkpoint(published, hub=NoHub()) == folder


def test_the_settings_say_where_models_are(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command keeps them there, too."""
    monkeypatch.setenv("KB_QA_MODELS", str(tmp_path / "disk"))
    assert main(["download", str(published)]) == 0
    assert find_checkpoint(published, models=tmp_path / "disk") == published
    check_prepared(tmp_path / "disk" / "hub.prepared")


def test_a_prepared_folder_that_lost_a_file_is_not_served(published: Path) -> None:
    """A folder of which no source is known can only be made anew."""
    folder = load_checkpoint(published, tell=Lines())
    (folder / "model-00002-of-00008.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"00002-of-00008\.safetensors is missing"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    "name", ["/no/such/folder", "a/b/c", "XVERSE", "../x/y", "..", "", "x/..", "a b/c", "x/y\n"]
)
def test_what_is_no_folder_and_no_id_is_told(name: str, tmp_path: Path) -> None:
    """Without a question to any hub."""
    if name == "..":
        name = str(tmp_path / "nothing" / "..")
    if name == "":
        name = str(tmp_path / "empty")
        Path(name).mkdir()
    with pytest.raises(CheckpointError, match=MODEL):
        load_checkpoint(name, download=True, hub=NoHub())


@pytest.mark.parametrize("revision", ["../../x", "", "a/b", "-x"])
def test_a_revision_is_no_path(revision: str) -> None:
    """It becomes part of a folder's name."""
    with pytest.raises(CheckpointError, match="no revision"):
        load_checkpoint(MODEL, revision=revision, download=True, hub=NoHub())


@pytest.fixture
def server(published: Path) -> Iterator[Served]:
    with model_scope(published, MODEL) as served:
        yield served


def test_modelscopes_own_client_downloads(server: Served, published: Path) -> None:
    """Its real code against a server of the same protocol: the needed files and no other."""
    hub = ModelScope(endpoint=server.address)
    check_prepared(load_checkpoint(MODEL, download=True, hub=hub, tell=Lines()))
    needed = {path.name for path in published.iterdir() if path.suffix in (".bin", ".json")}
    assert set(server.asked) == needed


def test_modelscopes_own_client_resumes(server: Served) -> None:
    """A shard whose connection broke goes on from the byte where it was."""
    server.cut["pytorch_model-00004-of-00008.bin"] = 1000
    hub = ModelScope(endpoint=server.address)
    check_prepared(load_checkpoint(MODEL, download=True, hub=hub, tell=Lines()))
    assert "pytorch_model-00004-of-00008.bin bytes=1000-" in server.ranges


def test_a_model_that_modelscope_has_not_is_told(server: Served) -> None:
    """In one line, with what to do."""
    hub = ModelScope(endpoint=server.address)
    with pytest.raises(CheckpointError, match="nobody/nothing could not be fetched") as refused:
        load_checkpoint("nobody/nothing", download=True, hub=hub, tell=Lines())
    assert "404" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_hub_that_cannot_be_reached_is_told() -> None:
    """As one line, too."""
    hub = ModelScope(endpoint="http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="could not be fetched"):
        load_checkpoint(MODEL, download=True, hub=hub, tell=Lines())


def test_the_command_downloads(server: Served, tmp_path: Path) -> None:
    """It prints the folder; all else apart from it, and in plain lines where no one is watching."""
    done = subprocess.run(
        [sys.executable, "-m", "kb_qa", "download", MODEL, "--to", str(tmp_path / "disk")],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "PYTHONPATH": str(ROOT),
            "MODELSCOPE_ENDPOINT": server.address,
        },
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'disk' / MODEL}\n"
    assert LICENCE in done.stderr
    assert "%|" not in done.stderr


def test_the_command_tells_what_is_wrong_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit 2, no traceback."""
    assert main(["download", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"kb_qa: {tmp_path} holds no model")


def test_the_hubs_client_is_loaded_only_to_download(published: Path) -> None:
    """A model that is at hand needs no network library; nothing here ever trusts remote code."""
    script = (
        "import sys; from kb_qa.xverse.checkpoint import load_checkpoint; "
        f"load_checkpoint({str(published)!r}, tell=print); "
        "print([name for name in ('modelscope_hub', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert not [
        path
        for path in (ROOT / "kb_qa").rglob("*.py")
        if "trust_remote_code=True" in path.read_text()
    ]
