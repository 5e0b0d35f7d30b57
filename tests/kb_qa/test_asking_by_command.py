"""`python -m kb_qa ask` and `search`, as processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kb_qa import build_qa_chain, load_settings
from kb_qa.__main__ import _print
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document

QUESTION = "入职满一年的员工有几天年假？"


Done = subprocess.CompletedProcess[str]


def run(arguments: str, *, shell: str = "", **environment: str) -> Done:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m kb_qa {arguments} {shell}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("reader", ["| head -1", "| true"])
def test_who_reads_no_further_sees_no_traceback(sample_kb: Path, reader: str) -> None:
    """`ask ... | head -1` gives its line, and exit code 0."""
    done = run(f"search {QUESTION} --kb {sample_kb} --json", shell=reader)
    assert done.stderr == ""
    assert done.returncode == 0


def test_what_ocr_read_is_marked(
    knowledge_base: KnowledgeBase, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of a source says that OCR read it, the JSON too; of others they do not."""
    marked, other = "Annual leave was scanned", "Annual leave was typed"
    with knowledge_base.write() as writer, writer.transaction():
        for text in (marked, other):
            chunk = Chunk(text, 0, len(text), page=3, scanned=text is marked)
            vectors = knowledge_base.embeddings.embed_passages([text])
            key = writer.put(Document(text, text, text), chunks=[chunk], vectors=vectors)
            writer.place(f"/docs/{text}.pdf", document=key, stamp="")
    chain = build_qa_chain(
        kb=knowledge_base.folder,
        settings=load_settings(llm="quote"),
        embeddings=knowledge_base.embeddings,
    )
    found = chain.search("annual leave")
    _print(found)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    said = {line.partition(": ")[2]: "p. 3" in line for line in lines}
    assert said == {f"{marked} (read by OCR: may hold mistakes)": True, other: True}
    assert {each["text"]: each["scanned"] for each in found.to_json()["citations"]} == {
        marked: True,
        other: False,
    }


def test_a_search_asks_no_language_model(sample_kb: Path) -> None:
    """Though one is set that is not there; asking does."""
    llm = "openai:http://127.0.0.1:9/v1#tiny"
    assert run(f"search {QUESTION} --kb {sample_kb}", KB_QA_LLM=llm).returncode == 0
    asked = run(f"ask {QUESTION} --kb {sample_kb}", KB_QA_LLM=llm)
    assert asked.returncode == 2
    assert asked.stderr == (
        "kb_qa: http://127.0.0.1:9/v1: cannot be reached: see whether the server runs there\n"
    )


def test_a_search_may_be_narrowed(sample_kb: Path) -> None:
    """By path, type, heading and date; what is no date is one line that names it."""
    everything = json.loads(run(f"search leave --kb {sample_kb} --json").stdout)["citations"]
    narrowed = json.loads(
        run(f"search leave --kb {sample_kb} --json --type md --since 2001-01-31").stdout
    )["citations"]
    assert {each["source"].rpartition(".")[2] for each in narrowed} == {"md"}
    assert {each["source"].rpartition(".")[2] for each in everything} != {"md"}
    for none in ("--until 2001-01-31", "--path '*/nowhere/*'", "--heading 'no such words'"):
        assert (
            json.loads(run(f"search leave --kb {sample_kb} --json {none}").stdout)["citations"]
            == []
        )
    done = run(f"search leave --kb {sample_kb} --since yesterday")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "kb_qa: --since 'yesterday' is no date: write it as 2026-01-31, or 2026-01-31T08:00\n"
    )


def test_two_knowledge_bases_are_asked_by_naming_both(sample_kb: Path, tmp_path: Path) -> None:
    """A passage that stands in both is one, and says so."""
    shutil.copytree(sample_kb, tmp_path / "copy")
    done = run(f"search {QUESTION} --kb {sample_kb} --kb {tmp_path / 'copy'} --json")
    citations = json.loads(done.stdout)["citations"]
    assert {each["kb"] for each in citations} <= {str(sample_kb), str(tmp_path / "copy")}
    texts = [each["text"] for each in citations]
    assert len(set(texts)) == len(texts)
