"""A page as a picture, the cited words marked: drawn by a process that may do nothing else."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from ingest.page_picture import draw

WIDTH, HEIGHT = 595, 842
LEFT, SIZE = 72, 12


def pdf(
    *lines: tuple[int, str], turned: int = 0, encrypt: StandardEncryption | None = None
) -> bytes:
    """A file of two pages; the lines stand on the second, so many points from its top."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, (WIDTH, HEIGHT), encrypt=encrypt)
    canvas.showPage()
    canvas.setPageRotation(turned)
    for down, line in lines:
        canvas.setFont("Helvetica" if line.isascii() else "STSong-Light", SIZE)
        canvas.drawString(LEFT, HEIGHT - down, line)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def marked(png: bytes) -> tuple[float, float, float, float] | None:
    """Where the picture is marked: left, top, right, bottom, as shares of its sides."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    down, across = np.nonzero(pixels[..., 0] - pixels[..., 2] > 60)
    if not len(down):
        return None
    height, width = pixels.shape[:2]
    edges = across.min() / width, down.min() / height, across.max() / width, down.max() / height
    return tuple(float(edge) for edge in edges)  # type: ignore[return-value]  # four of them


def test_the_cited_words_are_marked_where_they_stand() -> None:
    """The line that holds them is marked, from its first letter to its last, and no other."""
    lines = [(100, "An earlier sentence about annual leave."), (300, "Leave is fifteen days.")]
    box = marked(draw(pdf(*lines), 2, cited="Leave is\nfifteen  days."))
    assert box is not None
    left, top, _, bottom = box
    assert left == pytest.approx(LEFT / WIDTH, abs=0.01)
    assert top == pytest.approx((300 - SIZE) / HEIGHT, abs=0.01)
    assert bottom == pytest.approx((300 + 4) / HEIGHT, abs=0.01)


def test_chinese_over_a_line_s_end() -> None:
    """Text that was joined when it was read is found where it is broken on the page."""
    box = marked(
        draw(
            pdf((200, "未用完的年假可以"), (220, "顺延到次年三月底。")),
            2,
            cited="年假可以顺延到次年",
        )
    )
    assert box is not None
    assert box[1] == pytest.approx((200 - SIZE) / HEIGHT, abs=0.01)
    assert box[3] == pytest.approx(223 / HEIGHT, abs=0.01)


def test_what_something_parts_is_marked_in_pieces() -> None:
    """Neither a footnote between two halves of a sentence nor a chance likeness is marked."""
    lines = [
        (100, "The allowance for a night"),
        (400, "unrelated words stand between"),
        (420, "Guests pay for their own breakfast here, and the allowance for a night"),
        (440, "12 See the appendix."),
        (460, "is six hundred yuan at most, whatever the town."),
    ]
    cited = (
        "Guests pay for their own breakfast here, and the allowance for a night "
        "is six hundred yuan at most, whatever the town."
    )
    box = marked(draw(pdf(*lines), 2, cited=cited))
    assert box is not None
    assert box[1] == pytest.approx((420 - SIZE) / HEIGHT, abs=0.01)
    assert box[3] == pytest.approx(463 / HEIGHT, abs=0.01)


def test_a_turned_page_is_marked_as_it_is_seen() -> None:
    """On a page turned by a quarter the mark turns with the words: what was up is right."""
    line = (400, "Leave is fifteen days.")  # reportlab gives such a page the sides of the seen one
    box = marked(draw(pdf(line, turned=90), 2, cited="Leave is fifteen days."))
    assert box is not None
    assert box[0] == pytest.approx((HEIGHT - 404) / WIDTH, abs=0.01)
    assert box[1] == pytest.approx(LEFT / HEIGHT, abs=0.01)
    assert box[2] == pytest.approx((HEIGHT - 400 + SIZE) / WIDTH, abs=0.01)


@pytest.mark.parametrize("cited", ["", "。！", "nothing of the kind stands here"])
def test_what_is_not_there_is_not_marked(cited: str) -> None:
    """A page without the cited words is drawn all the same."""
    assert marked(draw(pdf((100, "Leave is fifteen days.")), 2, cited=cited)) is None


def test_a_picture_is_shown_as_it_is() -> None:
    """A scan has no letters to mark; it is made no larger than a screen."""
    file = io.BytesIO()
    Image.new("L", (4000, 5000), 200).save(file, "TIFF")
    assert Image.open(io.BytesIO(draw(file.getvalue(), 1, suffix=".tif"))).width == 1400


def test_by_command(tmp_path: Path) -> None:
    """The picture comes on standard output, or one line says which file, page and why not."""
    good, locked, junk = (tmp_path / name for name in ("a.pdf", "locked.pdf", "junk.pdf"))
    good.write_bytes(pdf((100, "Leave is fifteen days.")))
    locked.write_bytes(pdf((100, "secret"), encrypt=StandardEncryption("password")))
    junk.write_bytes(b"%PDF-1.7 junk")
    done = by_command(good, 2)
    assert done.returncode == 0
    assert marked(done.stdout) is not None
    for path, page in ((good, 3), (locked, 1), (junk, 1)):
        failed = by_command(path, page)
        assert (failed.returncode, failed.stdout) == (1, b"")
        assert failed.stderr.decode().startswith(f"{path.name}, page {page}: ")
        assert failed.stderr.count(b"\n") == 1


def by_command(path: Path, page: int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ingest.page_picture", str(path), str(page)]
    return subprocess.run(command, input=b"fifteen days", capture_output=True, check=False)
