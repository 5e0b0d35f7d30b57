"""Encodings: bytes of unknown origin become the text they were written as."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.encoding import decode
from kb_qa.errors import ParseError

SIMPLIFIED = (
    "公司员工入职满一年以后，每年享有五天带薪年假；满十年的为十天。请假须提前三个工作日提出。"
)
TRADITIONAL = (
    "公司員工入職滿一年以後，每年享有五天帶薪年假；滿十年的為十天。請假須提前三個工作日提出。"
)
JAPANESE = "社員は入社一年後から毎年五日の有給休暇を取れます。三日前までに申し出てください。"
KOREAN = "직원은 매년 다섯 날의 유급 휴가를 사용할 수 있습니다. 휴가는 사흘 전에 신청해야 합니다."
GERMAN = "Die Größe der Übung hängt von der Länge der Straße ab, sagte der Schüler fröhlich."
FRENCH = "L’été dernier, où l’élève naïf a déjà reçu un prêt à Orléans."
POLISH = "Zażółć gęślą jaźń; pchnąć w tę łódź jeża lub ośm skrzyń fig."
SAMPLES = Path(__file__).parents[2] / "data" / "docs"
RUSSIAN = "Все люди рождаются свободными и равными в своём достоинстве и правах."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "utf-8"),
        (SIMPLIFIED, "utf-8-sig"),
        (SIMPLIFIED, "utf-16"),
        (SIMPLIFIED, "utf-32"),
        (SIMPLIFIED, "gb2312"),
        (SIMPLIFIED, "gb18030"),
        (SIMPLIFIED + "\nabc", "utf-16-le"),
        (SIMPLIFIED + "\nabc", "utf-16-be"),
        (TRADITIONAL, "big5"),
        (TRADITIONAL, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (KOREAN, "euc_kr"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        ("plain ASCII", "ascii"),
        ("plain ASCII, every second byte NUL", "utf-16-le"),
    ],
)
def test_text_is_read_as_it_was_written(text: str, encoding: str) -> None:
    """A sentence or two tell which encoding they are in."""
    assert decode(text.encode(encoding)).text == text


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample documents are not here")
@pytest.mark.parametrize(
    ("pattern", "encodings"),
    [
        ("**/*.zh.md", ["gb18030"]),
        ("**/*.zh.txt", ["gb18030"]),
        ("**/产品*.txt", ["gb18030"]),
        ("**/香港*.txt", ["big5hkscs", "gb18030"]),
    ],
)
def test_forty_characters_of_real_documents(pattern: str, encodings: list[str]) -> None:
    """Every piece of forty characters, half of them Chinese, is read right, wherever it begins."""
    texts = [decode(path.read_bytes()).text for path in SAMPLES.glob(pattern)]
    pieces = [text[at : at + 40] for text in texts for at in range(0, len(text) - 40, 7)]
    chinese = [piece for piece in pieces if sum("\u4e00" <= one <= "\u9fff" for one in piece) >= 20]
    assert len(chinese) > 20
    for encoding in encodings:
        wrong = [piece for piece in chinese if _read_in(piece, encoding) != piece]
        assert not wrong


def _read_in(text: str, encoding: str) -> str:
    try:
        return decode(text.encode(encoding)).text
    except UnicodeEncodeError:
        return text  # cannot be written so


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (SIMPLIFIED, "gb18030"),
        (TRADITIONAL, "big5"),
        (SIMPLIFIED, "utf-16-le"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
    ],
)
def test_fifteen_characters_suffice(text: str, encoding: str) -> None:
    """So short a piece of Chinese is told from every place it may begin at."""
    for start in range(len(text) - 15):
        piece = text[start : start + 15]
        assert decode(piece.encode(encoding)).text == piece


def test_a_guess_is_told() -> None:
    """The report says what encoding was guessed, and nothing where the file says it."""
    guessed = decode(SIMPLIFIED.encode("gb18030"))
    assert guessed.warnings == ("read as GB18030 (guessed, 99 % sure)",)
    assert decode(SIMPLIFIED.encode()).warnings == ()
    assert decode(SIMPLIFIED.encode("utf-16")).warnings == ()


def test_how_sure_a_guess_is() -> None:
    """Two characters that two encodings read as well are no sure thing, and it says so."""
    short, long = decode("价格".encode("gb18030")), decode(SIMPLIFIED.encode("gb18030"))
    assert short.sure < 0.95 < long.sure < 1
    assert decode(RUSSIAN.encode("cp1251")).sure < long.sure


def test_damage_in_utf8_stays_where_it_is() -> None:
    """One bad byte costs one character, not the reading of the file."""
    data = (SIMPLIFIED * 5).encode()
    decoded = decode(data[:60] + b"\xff" + data[60:])
    assert decoded.encoding == "utf-8"
    assert decoded.text.replace("\ufffd", "") == SIMPLIFIED * 5
    assert decoded.warnings == ("characters that could not be read: 1",)


def test_a_stray_nul_does_not_matter() -> None:
    """A NUL in a text does not make it UTF-16."""
    for encoding in ("utf-8", "gb18030"):
        assert decode(f"{SIMPLIFIED}\0{SIMPLIFIED}".encode(encoding)).text.count(SIMPLIFIED) == 2


def test_what_the_document_declares_is_heard() -> None:
    """A declared encoding decides, unless the bytes are evidently UTF-8."""
    assert decode("數學".encode("big5"), declared="Big5").text == "數學"
    assert decode("数学".encode("gbk"), declared="gb2312").text == "数学"
    assert decode("数学".encode(), declared="gb2312").text == "数学"
    assert decode(SIMPLIFIED.encode("gbk"), declared="no-such-encoding").text == SIMPLIFIED


def test_line_ends_are_newlines() -> None:
    """Every convention of ending lines reads the same."""
    assert decode(b"a\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_binary_data_is_no_text() -> None:
    """A program, an image or an archive under a text's name is refused."""
    noise = random.Random(7).randbytes(4096)
    for data in (
        noise,
        b"\x89PNG\r\n\x1a\n" + noise,
        b"\x7fELF" + bytes(4000),
        b"PK\x03\x04" + noise,
    ):
        with pytest.raises(ParseError, match="not text"):
            decode(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(data: bytes) -> None:
    """No bytes make the reading fail in another way."""
    with contextlib.suppress(ParseError):
        assert isinstance(decode(data).text, str)


NO_TEXT = "\ufeff\ufffd\ufffe\uffff"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=NO_TEXT)))
def test_utf8_round_trips(text: str) -> None:
    """Whatever text is written in UTF-8 is read back."""
    assert decode(text.encode()).text == text
