"""Scans in a folder: read, cited as read by OCR, and read once. Needs the extra `ocr`."""

from pathlib import Path

import pytest
from PIL import Image

from ingest.pipeline import ingest
from ingest.report import Report
from kb_qa.answer import Source
from kb_qa.retrieval import HybridRetriever
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.ocr.scans import picture, with_chapters

INSTALLING = "设备应放在平整、坚固的台面或地面上，相对湿度不超过80%。"
REPAIRING = "固件升级文件在公司网站的支持栏目下载，期间不得断电。"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A scanned PDF of two pages, and its second page as a picture that lay on its side."""
    folder = tmp_path / "docs"
    folder.mkdir()
    first, second = page("安装", INSTALLING), page("维护", REPAIRING)
    first.save(folder / "scan.pdf", save_all=True, append_images=[second], resolution=200)
    second.transpose(Image.Transpose.ROTATE_90).save(folder / "photograph.png", dpi=(200, 200))
    return folder


def page(heading: str, text: str) -> Image.Image:
    seen = picture(with_chapters({heading: text}))
    return Image.frombytes("L", (seen.width, seen.height), seen.pixels)


def verdicts(report: Report) -> dict[str, str]:
    return {Path(each.path).name: each.verdict.value for each in report.files}


def test_scans_are_answered_from(docs: Path, knowledge_base: KnowledgeBase) -> None:
    """Every page is read and found, its passages are marked, and the report says how sure."""
    report = ingest([docs], knowledge_base=knowledge_base)
    warnings = {Path(each.path).name: "; ".join(each.warnings) for each in report.files}
    assert "page 1 read by OCR" in warnings["photograph.png"]
    assert "pages 1, 2 read by OCR" in warnings["scan.pdf"]
    for question in (INSTALLING, REPAIRING):
        found = HybridRetriever(knowledge_base=knowledge_base).invoke(question)
        sources = [Source.from_document(each) for each in found]
        assert all(each.scanned for each in sources)
        assert any(question in each.text for each in sources)


def test_a_page_is_read_once(docs: Path, knowledge_base: KnowledgeBase) -> None:
    """A document that lost a page is read again from what is kept of the others."""
    ingest([docs], knowledge_base=knowledge_base)
    kept = set((knowledge_base.folder / "ocr").rglob("*.json"))
    assert len(kept) == 3
    assert set(verdicts(ingest([docs], knowledge_base=knowledge_base)).values()) == {"unchanged"}
    page("安装", INSTALLING).save(docs / "scan.pdf", resolution=200)
    assert verdicts(ingest([docs], knowledge_base=knowledge_base)) == {
        "scan.pdf": "updated",
        "photograph.png": "unchanged",
    }
    assert set((knowledge_base.folder / "ocr").rglob("*.json")) == kept
