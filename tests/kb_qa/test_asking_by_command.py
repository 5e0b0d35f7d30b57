"""`python -m kb_qa ask` and `search`, as processes."""

import os
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
