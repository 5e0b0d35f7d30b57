"""The sample corpus: what stands in data/docs is what its sources say, and its questions hold."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docx
import pptx
import pypdfium2  # type: ignore[import-untyped]
import pytest
from python_calamine import CalamineWorkbook

DATA = Path(__file__).resolve().parents[1] / "data"
DOCS = DATA / "docs"
QUESTIONS = [
    json.loads(line) for line in (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
ANSWERABLE = [question for question in QUESTIONS if "answer" in question]
MADE = sorted(
    p.relative_to(DATA / "sources").with_suffix("") for p in DATA.glob("sources/*/*.*.md")
)
ENCODINGS = {".csv": "gb18030", "香港辦事處通告.txt": "big5"}


def docx_pages(path: Path) -> list[str]:
    document = docx.Document(str(path))
    cells = [c.text for table in document.tables for row in table.rows for c in row.cells]
    return ["\n".join([p.text for p in document.paragraphs] + cells)]


def pptx_pages(path: Path) -> list[str]:
    return ["\n".join(slide_texts(slide)) for slide in pptx.Presentation(str(path)).slides]


def slide_texts(slide: Any) -> list[str]:
    texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
    tables = [shape.table for shape in slide.shapes if shape.has_table]
    cells = [cell.text for table in tables for row in table.rows for cell in row.cells]
    notes = [slide.notes_slide.notes_text_frame.text] if slide.has_notes_slide else []
    return texts + cells + notes


def xlsx_pages(path: Path) -> list[str]:
    book = CalamineWorkbook.from_path(str(path))
    sheets = [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    return ["\n".join(str(cell) for row in sheet for cell in row) for sheet in sheets]


def pdf_pages(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    pages = [document[i].get_textpage().get_text_range() for i in range(len(document))]
    document.close()
    return pages


def text_pages(path: Path) -> list[str]:
    encoding = ENCODINGS.get(path.name) or ENCODINGS.get(path.suffix, "utf-8")
    return [path.read_text(encoding=encoding)]


READERS: Mapping[str, Callable[[Path], list[str]]] = {
    ".docx": docx_pages,
    ".pptx": pptx_pages,
    ".xlsx": xlsx_pages,
    ".pdf": pdf_pages,
    ".html": text_pages,
    ".md": text_pages,
    ".txt": text_pages,
    ".csv": text_pages,
}


def read_pages(path: Path) -> list[str]:
    return READERS[path.suffix](path)


def make_documents(out: Path) -> None:
    command = [sys.executable, str(DATA / "make_docs.py"), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    make_documents(out)
    return out


@pytest.mark.parametrize("name", MADE, ids=str)
def test_committed_documents_say_what_their_sources_say(made: Path, name: Path) -> None:
    """A document in data/docs has the text, page by page, that its source makes today."""
    assert read_pages(DOCS / name) == read_pages(made / name)


def test_documents_are_made_reproducibly(made: Path, tmp_path: Path) -> None:
    """Making the documents twice gives the same bytes."""
    make_documents(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in MADE} == {
        name: (made / name).read_bytes() for name in MADE
    }


def test_corpus_has_every_format_and_stays_small() -> None:
    """The corpus shows every format that can be read, in less than a megabyte."""
    files = [path for path in DOCS.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == set(READERS)
    assert sum(path.stat().st_size for path in files) < 1_000_000


@pytest.mark.parametrize("name", ["产品价目表.csv", "香港辦事處通告.txt"])
def test_some_documents_are_not_utf8(name: str) -> None:
    """The corpus holds legacy Chinese encodings, so that reading them is shown."""
    with pytest.raises(UnicodeDecodeError):
        (DOCS / "company" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["question"])
def test_answers_stand_in_their_documents(question: dict[str, Any]) -> None:
    """An answer stands word for word, on one line, in the document and page its question names."""
    pages = read_pages(DOCS / question["source"])
    text = pages[question["page"] - 1] if "page" in question else pages[0]
    assert question["answer"] in text


def test_unanswerable_questions_name_no_answer() -> None:
    """A question without an answer is marked so, and no question is asked twice."""
    rest = [question for question in QUESTIONS if "answer" not in question]
    assert all(question.keys() == {"question", "unanswerable"} for question in rest)
    assert len({question["question"] for question in QUESTIONS}) == len(QUESTIONS)
