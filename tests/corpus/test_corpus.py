"""Hundreds of real files: each ends with a true verdict, and no words of it are lost."""

import email
import email.policy
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from lxml import etree, html

from ingest.pipeline import ingest
from ingest.report import FileReport, Verdict
from ingest.sandbox import ParserPool
from kb_qa.paths import shown
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.corpus.gathering import Corpus, convert, gather
from tests.fakes import WordEmbeddings

LEAST_FILES, LEAST_FORMATS = 300, 20
LEAST_SHARE = 0.95
MOST_SECONDS = 600
MEMORY = 1 << 30

_WORD = re.compile(r"[^\W_]{3,}", re.ASCII)
_HAN = re.compile(r"[\u4e00-\u9fff]{2}")
_CHROME = "nav|script|style|template|noscript|select|button|textarea"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return gather(tmp_path_factory.mktemp("corpus"))


@dataclass(frozen=True)
class Read:
    """A file's verdict, and what the knowledge base holds of it."""

    report: FileReport
    text: str = ""


@pytest.fixture(scope="session")
def answers(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Read]:
    """All of it ingested, each parser with a gibibyte."""
    kb = tmp_path_factory.mktemp("kb") / "kb"
    knowledge_base = KnowledgeBase(kb, embeddings=WordEmbeddings())
    began = time.monotonic()
    with ParserPool(memory_bytes=MEMORY) as pool:
        report = ingest([corpus.folder], knowledge_base=knowledge_base, pool=pool)
        held = max(each.memory_info().rss for each in psutil.Process().children())
    assert time.monotonic() - began < MOST_SECONDS
    assert held < MEMORY
    with knowledge_base.read() as snapshot:
        texts = {
            shown(path): snapshot.text(each.document) for path, each in snapshot.locations().items()
        }
    reports = {file.path: file for file in report.files}
    return {
        path: Read(reports[shown(str(path))], texts.get(shown(str(path)), ""))
        for path in corpus.files()
    }


def test_the_corpus_is_as_large_as_it_says(corpus: Corpus) -> None:
    """At least 300 files in at least 20 formats."""
    suffixes = Counter(path.suffix for path in corpus.files())
    assert suffixes.total() >= LEAST_FILES, suffixes
    assert len(suffixes) >= LEAST_FORMATS, suffixes


def test_every_real_file_is_read(corpus: Corpus, answers: dict[Path, Read]) -> None:
    """What another program finds text in is never failed or empty."""
    wrong = {
        str(path.relative_to(corpus.folder)): answer.report.reason
        for path, answer in answers.items()
        if not answer.text and words(expected(path, corpus))
    }
    assert wrong == {}


def test_no_words_are_lost(corpus: Corpus, answers: dict[Path, Read]) -> None:
    """Of the different words that another program reads, 95 in 100 are in the text."""
    lost = {}
    for path, answer in answers.items():
        if answer.text:
            ours, theirs = words(answer.text), words(expected(path, corpus))
            share = len(ours & theirs) / max(1, len(theirs))
            if theirs and share < LEAST_SHARE:
                name = str(path.relative_to(corpus.folder))
                lost[name] = (round(share, 3), sorted(theirs - ours)[:8])
    assert lost == {}


def test_empty_files_hold_nothing(answers: dict[Path, Read], corpus: Corpus) -> None:
    """Where a file is called empty, another program finds no word either."""
    for path, answer in answers.items():
        if answer.report.verdict is Verdict.SKIPPED:
            assert not words(expected(path, corpus)), path
        else:
            assert answer.text or answer.report.verdict is Verdict.FAILED


def words(text: str) -> set[str]:
    """Words of three letters and more, and pairs of Chinese characters."""
    joined = re.sub(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])", "", text)
    return {each.lower() for each in _WORD.findall(text)} | {*_HAN.findall(joined)}


def expected(path: Path, corpus: Corpus) -> str:
    """What another program reads in a file; known words where the test wrote it."""
    if path in corpus.words:
        return corpus.words[path]
    reader = _READERS.get(path.suffix)
    return reader(path) if reader else ""


def _web(path: Path) -> str:
    tree = html.fromstring(path.read_bytes())
    main = tree.xpath("//main|//*[@role='main']") or tree.xpath("//body") or [tree]
    unwanted = f"//*[re:test(name(), '^({_CHROME})$')]|//*[contains(@class,'nav')]|//comment()"
    for each in tree.xpath(unwanted, namespaces={"re": "http://exslt.org/regular-expressions"}):
        if each.getparent() is not None:
            each.drop_tree()
    return " ".join(main[0].itertext())


def _pdf(path: Path) -> str:
    command = ["pdftotext", "-raw", path, "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    return re.sub(r"[-\u00ad]\n", "", done.stdout.decode())  # words broken at line ends


def _office(path: Path) -> str:
    folder = path.parent.parent.parent / "texts" / path.parent.name
    target = folder / f"{path.stem}.txt"
    if not folder.exists():  # LibreOffice starts once a folder, not once a file
        convert(sorted(path.parent.iterdir()), "txt", folder, filtered="Text (encoded):UTF8")
    return target.read_text() if target.exists() else ""


def _xml(path: Path) -> str:
    try:
        tree = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return ""
    return " ".join(_texts(tree.getroot()))


def _texts(root: etree._Element) -> Iterator[str]:
    for each in root.iter(etree.Element):
        yield each.text or ""
        yield each.tail or ""


def _mail(path: Path) -> str:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    try:
        body = message.get_body(("plain",))
        return body.get_content() if body else ""
    except (KeyError, LookupError, AttributeError, ValueError, TypeError):
        return ""


def _plain(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


_READERS: dict[str, Callable[[Path], str]] = {
    ".html": _web,
    ".pdf": _pdf,
    ".xml": _xml,
    ".eml": _mail,
    **dict.fromkeys((".odt", ".docx", ".rtf", ".doc"), _office),
    **dict.fromkeys((".txt", ".csv", ".py", ".pm", ".rb", ".js", ".css", ".sh", ".c"), _plain),
}
