"""The setting picks the store; Milvus's client is loaded where it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest

from kb_qa.errors import SettingsError
from kb_qa.store.opening import open_catalog, open_knowledge_base
from tests.fakes import WordEmbeddings

ROOT = Path(__file__).parents[2]


def printed(script: str) -> str:
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_store_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    """The message names the values there are, and of the one given no more than its beginning."""
    said = r"KB_QA_STORE='postgres' names no store: set `folder`, `milvus:FILE\.db` or .*PORT`$"
    with pytest.raises(SettingsError, match=said):
        open_knowledge_base(tmp_path, store="postgres:secret", embeddings=WordEmbeddings())
    with pytest.raises(SettingsError, match=said):
        open_catalog(tmp_path, store="postgres")


def test_a_folder_needs_no_client(tmp_path: Path) -> None:
    """Who keeps a knowledge base in a folder never loads Milvus's client."""
    script = (
        "import sys; from pathlib import Path; import kb_qa.chain, ingest.pipeline, ui.library\n"
        "from kb_qa.store.opening import open_catalog\n"
        f"open_catalog(Path({str(tmp_path)!r}), store='folder')\n"
        "print(sorted({'pymilvus', 'grpc', 'kb_qa.store.milvus'} & set(sys.modules)))"
    )
    assert printed(script).strip() == "[]"


def test_a_new_process_reads_what_another_wrote(tmp_path: Path) -> None:
    """A process that only reads finds what a former one stored, without writing first."""
    begin = (
        "from pathlib import Path; from tests.fakes import WordEmbeddings\n"
        "from tests.milvus.conftest import open_milvus\n"
        "from tests.milvus.test_contract import found, put\n"
        f"milvus = open_milvus(Path({str(tmp_path / 'kb')!r}), WordEmbeddings())\n"
    )
    printed(begin + "put(milvus, 'Abba is a band')")
    assert printed(begin + "print(found(milvus, 'band'))").strip() == "['Abba is a band']"


def test_a_missing_extra_says_the_command() -> None:
    """Without the extra the message says how to install it."""
    script = (
        "import sys; sys.modules['pymilvus'] = None\n"
        "from pathlib import Path; from kb_qa.errors import SettingsError\n"
        "from kb_qa.store.opening import open_catalog\n"
        "try: open_catalog(Path('kb'), store='milvus:kb.db')\n"
        "except SettingsError as error: print(error)"
    )
    assert "needs Milvus's client: pip install 'kb-qa[milvus]'" in printed(script)
