"""Pages read back from pictures of them. Needs the extra `ocr`: `make ocr-test`."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from ingest.formats import image, pdf
from ingest.ocr import engine, is_available, recognize
from tests.ocr.scans import (
    Scan,
    as_picture,
    clean_scans,
    error_rate,
    picture,
    poor_scans,
    speckled,
    turned_scans,
    with_chapters,
)

CHAPTERS = {
    "安全须知": "制冷剂可燃，搬运和维修时远离明火，房间体积不得小于12立方米。"
    "槽液温度超过60度时不要打开槽盖，以免烫伤。不得使用酸、碱溶液和去离子水。",
    "设备安装": "设备应放在平整、坚固的台面或地面上，相对湿度不超过80%。"
    "前后各留20 cm、左右各留15 cm的空间供通风。正常运输的，静置2小时即可。",
}


def read(scan: Scan, *, dpi: int = 200) -> tuple[str, float]:
    reading = recognize(picture(scan, dpi=dpi))
    return "\n".join(line.text for line in reading.lines), reading.confidence


@pytest.mark.parametrize("name", clean_scans())
def test_clean_pages_are_read(name: str) -> None:
    """Fewer than 5 characters of 100 are wrong at 200 dpi, columns in their order included."""
    scan = clean_scans()[name]
    text, sure = read(scan)
    assert len(scan.truth) > 600
    assert error_rate(text, scan.truth) < 0.05
    assert sure > 0.9


@pytest.mark.parametrize("name", turned_scans())
def test_turned_pages_are_read(name: str) -> None:
    """A page that lay on its side or upside down is read as the upright one is."""
    scan = turned_scans()[name]
    assert error_rate(read(scan)[0], scan.truth) < 0.05


@pytest.mark.parametrize("name", poor_scans())
def test_poor_scans_are_read(name: str) -> None:
    """Dirt, a slant, a fax's black and white and faded ink cost few characters."""
    scan = poor_scans()[name]
    assert error_rate(read(scan)[0], scan.truth) < 0.1


def test_white_paper_holds_no_text() -> None:
    """Nor does paper with dirt on it: what is not there is not read."""
    paper = np.full((2339, 1654), 255, np.uint8)
    for each in (paper, speckled(paper), paper[:1, :1], paper[:3], paper[:, :3]):
        reading = recognize(as_picture(np.ascontiguousarray(each)))
        assert reading.lines == ()
        assert reading.confidence == 0


def test_a_page_that_is_hard_to_read_is_less_sure() -> None:
    """The confidence tells pages apart whose text cannot be trusted."""
    scan = clean_scans()["Chinese"]
    assert read(scan, dpi=200)[1] > 0.97 > read(scan, dpi=45)[1]


def test_a_scan_has_headings_and_paragraphs() -> None:
    """Larger type is a heading, lines are joined, and every block is marked as read by OCR."""
    scan = with_chapters(CHAPTERS)
    seen = picture(scan)
    grey = Image.frombytes("L", (seen.width, seen.height), seen.pixels)
    buffer = BytesIO()
    grey.save(buffer, "TIFF", dpi=(200, 200))
    reading = recognize(image.render(buffer.getvalue(), 0))
    parsed = image.parse(buffer.getvalue(), name="scan", recognized={0: reading.lines})
    assert [(block.kind, block.scanned) for block in parsed.blocks] == [
        ("heading", True),
        ("paragraph", True),
    ] * 2
    assert [block.text for block in parsed.blocks if block.level] == list(CHAPTERS)


def test_a_scanned_pdf_is_read_page_by_page() -> None:
    """Its pages without text are asked for, rendered and read, and cited as read by OCR."""
    document, page = pypdfium2.PdfDocument.new(), picture(with_chapters(CHAPTERS))
    bitmap = pypdfium2.PdfBitmap.from_pil(
        Image.frombytes("L", (page.width, page.height), page.pixels)
    )
    drawn = pypdfium2.PdfImage.new(document)
    drawn.set_bitmap(bitmap)
    drawn.set_matrix(pypdfium2.PdfMatrix().scale(595, 842))
    sheet = document.new_page(595, 842)
    sheet.insert_obj(drawn)
    sheet.gen_content()
    buffer = BytesIO()
    document.save(buffer)
    data = buffer.getvalue()

    assert pdf.unread(data) == (0,)
    reading = recognize(pdf.render(data, 0))
    parsed = pdf.parse(data, name="scan", recognized={0: reading.lines})
    assert error_rate(parsed.text, with_chapters(CHAPTERS).truth) < 0.05
    assert all(block.scanned and block.page == 1 for block in parsed.blocks)


def test_what_reads_has_a_name() -> None:
    """What another version read before is known from what this one reads."""
    assert is_available()
    assert engine().startswith("rapidocr-3.")


CONFINED = """
import resource, sys
from pathlib import Path
from ingest.confinement import confine
from ingest.formats.picture import Picture
from ingest.ocr import recognize

page = Picture(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_bytes(), 200)
limit = int(sys.argv[4]) << 20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
assert confine()
try:
    print(len(recognize(page).lines))
except MemoryError:
    print("no memory")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="parsers are confined on Linux only")
@pytest.mark.parametrize(("megabytes", "said"), [(2048, "43"), (800, "no memory")])
def test_it_reads_with_no_network_and_no_file_to_write(
    megabytes: int, said: str, tmp_path: Path
) -> None:
    """Confined to 2 GiB: nothing is downloaded, reported home, or left behind.

    What does not fit into less is an error of memory, in whichever library it happens.
    """
    page = picture(clean_scans()["English"])
    file, home = tmp_path / "page", tmp_path / "home"
    file.write_bytes(page.pixels)
    home.mkdir()
    arguments = map(str, (page.width, page.height, file, megabytes))
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")},
    )
    assert (done.stdout.strip(), done.stderr) == (said, "")
    assert list(home.rglob("*")) == []
