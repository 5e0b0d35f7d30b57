"""Export and import: what comes back is what was there; a bad line imports nothing."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_qa.errors import BackupError, KnowledgeBaseDamaged, KnowledgeBaseError, KnowledgeBaseMissing
from kb_qa.store.catalog import Catalog
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase
from kb_qa.store.records import Chunk, Document, Refusal, Run
from kb_qa.store.transfer import Transferred, export, import_
from tests.fakes import WordEmbeddings

DIMENSION = 8
ROOT = Path(__file__).parents[3]
NAMES = ["chunks.jsonl", "documents.jsonl", "meta.json", "paths.jsonl", "refusals.jsonl"]


def contents(folder: Path) -> dict[str, Any]:
    """All that a knowledge base can say, whatever its ids are."""
    with Catalog(folder / CATALOG).read() as snapshot:
        places = snapshot.locations()
        documents = {}
        for each in places.values():
            passages = snapshot.passages_of(each.document)
            vectors = snapshot.vectors([passage.id for passage in passages])
            documents[each.sha256, each.format] = (
                snapshot.document(each.document),
                [(p.ordinal, p.chunk, p.language, p.title, p.paths, p.metadata) for p in passages],
                [vectors[passage.id].tobytes() for passage in passages],
            )
        return {
            "documents": documents,
            "places": {
                path: (each.sha256, each.stamp, each.verdict, each.modified, each.chunks)
                for path, each in places.items()
            },
            "refusals": snapshot.refusals(),
            "summary": snapshot.summary,
            "embedder": snapshot.embedder,
            "background": {k: v.tobytes() for k, v in snapshot.background.items()},
            "run": snapshot.last_run(),
            "faults": snapshot.faults(),
        }


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBERS = st.none() | st.integers(-(2**62), 2**62)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
CHUNK = st.builds(
    Chunk,
    text=TEXTS,
    start=st.integers(0, 2**40),
    end=st.integers(0, 2**40),
    heading=st.lists(TEXTS, max_size=3).map(tuple),
    context=TEXTS,
    page=NUMBERS,
    breaks=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=2).map(tuple),
    scanned=st.booleans(),
)
DOCUMENT = st.builds(
    Document,
    sha256=TEXTS,
    title=TEXTS,
    text=TEXTS,
    pages=NUMBERS,
    warnings=st.lists(TEXTS, max_size=2).map(tuple),
    unread=st.integers(0, 99),
    format=TEXTS,
    metadata=st.dictionaries(TEXTS, JSON, max_size=2),
)
STORED = st.tuples(
    DOCUMENT,
    st.lists(
        st.tuples(CHUNK, st.lists(FLOATS, min_size=DIMENSION, max_size=DIMENSION)), max_size=3
    ),
    st.lists(st.tuples(TEXTS, st.none() | st.floats(allow_nan=False)), min_size=1, max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STORED, max_size=4), st.lists(st.builds(Refusal, *[TEXTS] * 4), max_size=3))
def test_what_comes_back_is_what_was_there(stored: list[Any], refusals: list[Refusal]) -> None:
    """Any text, heading, number, vector and place; nothing else is asked of them."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "kb"
        with Catalog(folder / CATALOG).write() as writer, writer.transaction():
            mean = np.array([0.1] * DIMENSION, np.float32)
            identity = WordEmbeddings(dimension=DIMENSION).identity
            writer.set_embedder(identity, background={"en": mean})
            for document, chunks, places in stored:
                rows = [row for _, row in chunks]
                key = writer.put(
                    document,
                    chunks=[chunk for chunk, _ in chunks],
                    vectors=np.array(rows, np.float32).reshape(len(rows), DIMENSION),
                )
                for path, modified in places:
                    writer.place(path, document=key, stamp=f"{path} 1", modified=modified)
            for document in unplaced(writer):
                writer.place(f"nowhere {document}", document=document, stamp="")
            for refusal in refusals:
                writer.refuse(refusal)
            writer.record(Run("2026", {"total": 0.1}, {"added": 3}))
        export(folder, to=Path(parent) / "files")
        import_(Path(parent) / "files", to=Path(parent) / "new")
        assert contents(Path(parent) / "new") == contents(folder)
        assert no_leftovers(Path(parent))


def unplaced(writer: Any) -> list[int]:
    """Documents whose places another one took at once, before they could go."""
    placed = {each.document for each in writer.locations().values()}
    return [key for key in writer.changes_since(0).added if key not in placed]


def no_leftovers(parent: Path) -> bool:
    return not list(parent.glob(".*.tmp"))


@pytest.fixture
def filled(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """Chinese, an emoji, line ends that are none, an empty heading, one text at three places."""
    with knowledge_base.write() as writer, writer.transaction():
        for number, text in enumerate(["年假\u2028有十天\x85。", "Emoji 😀\r\nand a band", "Last"]):
            chunks = [Chunk(text, 0, len(text), heading=("", "总则")), Chunk(text[:3], 0, 3)]
            vectors = knowledge_base.embeddings.embed_passages([each.text for each in chunks])
            key = writer.put(Document(f"sha {number}", text, text), chunks=chunks, vectors=vectors)
            for place in "abc"[: 3 - number]:
                writer.place(f"/docs/{place}/{number}.md", document=key, stamp=f"9-{10**18}-7")
        writer.refuse(Refusal("/docs/x.pdf", "1", "failed", "加密"))
    return knowledge_base


@pytest.fixture
def files(filled: KnowledgeBase, tmp_path: Path) -> Path:
    return export(filled.folder, to=tmp_path / "files").folder


def test_the_files_are_plain(filled: KnowledgeBase, files: Path) -> None:
    """Other programs read them: JSON lines in UTF-8, and row i of the vectors is chunk line i."""
    assert sorted(path.name for path in files.iterdir()) == [*NAMES, "vectors.npy"]
    chunks = [json.loads(line) for line in (files / "chunks.jsonl").read_bytes().splitlines()]
    vectors = np.load(files / "vectors.npy", mmap_mode="r")
    assert (len(chunks), vectors.shape, vectors.dtype) == (6, (6, 1024), np.float32)
    for chunk, vector in zip(chunks, vectors, strict=True):
        assert (vector == filled.embeddings.embed_passages([chunk["text"]])[0]).all()
    assert "有十天".encode() in (files / "documents.jsonl").read_bytes()
    meta = json.loads((files / "meta.json").read_bytes())
    assert meta["embedder"]["name"] == "words"
    assert meta["lines"]["paths.jsonl"] == 6


def test_an_import_is_a_knowledge_base(filled: KnowledgeBase, files: Path, tmp_path: Path) -> None:
    """It opens at once, finds what the original finds, and can be written to."""
    made = import_(files, to=tmp_path / "new")
    assert made == Transferred(tmp_path / "new", documents=3, chunks=6)
    assert contents(made.folder) == contents(filled.folder)
    assert no_leftovers(tmp_path)
    new = KnowledgeBase(made.folder, embeddings=filled.embeddings)
    assert found(new, "band") == found(filled, "band") != set()
    with new.write() as writer, writer.transaction():
        writer.unplace("/docs/a/2.md")
    assert "Last" not in found(new, "Last")


def found(knowledge_base: KnowledgeBase, question: str) -> set[str]:
    return {each.passage.chunk.text for each in knowledge_base.candidates(question, limit=10)}


def test_nothing_is_a_knowledge_base_too(tmp_path: Path) -> None:
    """One without a document, and without an embedder."""
    with Catalog(tmp_path / "kb" / CATALOG).write():
        pass
    export(tmp_path / "kb", to=tmp_path / "files")
    assert import_(tmp_path / "files", to=tmp_path / "new").documents == 0


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def changed(number: int, **values: Any) -> Callable[[Path], None]:
    """Gives a line other values."""

    def harm(path: Path) -> None:
        lines = lines_of(path)
        line = json.loads(lines[number - 1]) | values
        lines[number - 1] = json.dumps(line).encode() + b"\n"
        path.write_bytes(b"".join(lines))

    return harm


def written(number: int, line: bytes) -> Callable[[Path], None]:
    """Puts something else in the place of a line."""

    def harm(path: Path) -> None:
        lines = lines_of(path)
        lines[number - 1] = line + b"\n"
        path.write_bytes(b"".join(lines))

    return harm


def twice(number: int) -> Callable[[Path], None]:
    """A line stands at the end once more."""
    return lambda path: path.write_bytes(path.read_bytes() + lines_of(path)[number - 1])


def without_last(path: Path) -> None:
    path.write_bytes(b"".join(lines_of(path)[:-1]))


def nowhere(path: Path) -> None:
    """The third document's places are the first one's."""
    lines = path.read_bytes().replace(b'"document": 3', b'"document": 1')
    path.write_bytes(lines)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def infinite(path: Path) -> None:
    vectors = np.load(path)
    vectors[4, 7] = np.inf
    np.save(path, vectors)


def doubled(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float64))


@pytest.mark.parametrize(
    ("name", "harm", "message"),
    [
        ("documents.jsonl", written(2, b"{"), "documents.jsonl line 2: no JSON in UTF-8"),
        (
            "documents.jsonl",
            written(2, b"\xff"),
            "documents.jsonl line 2: no JSON in UTF-8: 'utf-8'",
        ),
        ("documents.jsonl", written(1, b"[" * 10**5), "documents.jsonl line 1: no JSON in UTF-8"),
        ("documents.jsonl", written(3, b"7"), "documents.jsonl line 3: Input should be"),
        ("documents.jsonl", changed(3, title=7), "documents.jsonl line 3: title: Input should be"),
        ("documents.jsonl", changed(3, id=1), "documents.jsonl line 3: document 1 is there twice"),
        ("documents.jsonl", changed(2, sha256="sha 0"), "line 2: another document has the same"),
        ("documents.jsonl", changed(2, more=1), "documents.jsonl line 2: more: Extra inputs"),
        ("documents.jsonl", without_last, "documents.jsonl has 2 lines, meta.json says 3"),
        ("chunks.jsonl", changed(4, page="x"), "chunks.jsonl line 4: page: Input should be"),
        ("chunks.jsonl", changed(4, breaks=[[1]]), "chunks.jsonl line 4: breaks.0.1: Field req"),
        ("chunks.jsonl", changed(4, start=-1), "chunks.jsonl line 4: start: Input should be"),
        ("chunks.jsonl", changed(6, document=1), "line 6: document 1 is not in documents.jsonl"),
        ("chunks.jsonl", without_last, "chunks.jsonl has 5 lines, meta.json says 6"),
        ("paths.jsonl", changed(1, document=9), "line 1: document 9 is not in documents.jsonl"),
        ("paths.jsonl", changed(1, modified="x"), "paths.jsonl line 1: modified: Input should be"),
        ("paths.jsonl", twice(2), "paths.jsonl line 7: the path is there twice"),
        ("paths.jsonl", nowhere, "line 3: document 3 has no line in paths.jsonl"),
        ("refusals.jsonl", written(1, b"{}"), "refusals.jsonl line 1: path: Field required"),
        ("meta.json", changed(1, format=9), "meta.json line 1: format 9, this program knows 1"),
        ("meta.json", changed(1, lines={}), "meta.json line 1: lines: nothing is said of chunks"),
        ("meta.json", lambda path: path.write_bytes(b""), "meta.json is empty"),
        ("vectors.npy", infinite, "vectors.npy row 4: not finite"),
        ("vectors.npy", doubled, "vectors.npy has shape (6, 1024) of float64"),
        ("vectors.npy", cut, "vectors.npy holds no vectors"),
        *((name, Path.unlink, f"{name}: No such file") for name in (*NAMES, "vectors.npy")),
    ],
)
def test_a_bad_line_is_named_and_imports_nothing(
    files: Path, tmp_path: Path, name: str, harm: Callable[[Path], None], message: str
) -> None:
    """File, line and what is wrong with it, in one line; no folder is left."""
    harm(files / name)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(KnowledgeBaseError) as told:
        import_(files, to=tmp_path / "new")
    assert message in str(told.value)
    assert "\n" not in str(told.value)
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_overwritten(filled: KnowledgeBase, files: Path, tmp_path: Path) -> None:
    """Neither by an export nor by an import."""
    for move in (lambda to: export(filled.folder, to=to), lambda to: import_(files, to=to)):
        with pytest.raises(BackupError, match="is there already: nothing is overwritten"):
            move(filled.folder)
        with pytest.raises(BackupError, match="there is no folder"):
            move(tmp_path / "disk" / "new")
    with pytest.raises(BackupError, match="lies within"):
        export(filled.folder, to=filled.folder / "files")
    with pytest.raises(KnowledgeBaseMissing):
        export(tmp_path / "none", to=tmp_path / "other")
    assert no_leftovers(tmp_path)


def test_a_chunk_without_a_vector_is_not_exported(filled: KnowledgeBase, tmp_path: Path) -> None:
    """Half an export would import as half a knowledge base; the doctor is named."""
    with filled.write() as writer, writer.transaction():
        writer.replace_vectors({4: np.zeros(3, np.float32)})
    with pytest.raises(KnowledgeBaseDamaged, match=r"chunk 4 has no vector of 1024 .* doctor --kb"):
        export(filled.folder, to=tmp_path / "files")
    assert not (tmp_path / "files").exists()
    assert no_leftovers(tmp_path)


MEASURED = """
import resource, sys
from pathlib import Path
from kb_qa.store.transfer import export, import_
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
export(Path(sys.argv[1]), to=Path(sys.argv[2]))
import_(Path(sys.argv[2]), to=Path(sys.argv[3]))
print((peak() - before) << 10)
"""


def test_many_chunks_need_little_memory(tmp_path: Path) -> None:
    """Both ways read and write one document after the other: memory stays far below the data."""
    vectors = np.random.default_rng(0).standard_normal((20, 512)).astype(np.float32)
    chunks = [Chunk(f"Chunk {number} " * 200, 0, 9) for number in range(20)]
    with Catalog(tmp_path / "kb" / CATALOG).write() as writer:
        with writer.transaction():
            writer.set_embedder(WordEmbeddings(dimension=512).identity, background={})
        for batch in batches(2000):
            with writer.transaction():
                for number in batch:
                    document = Document(f"sha {number}", "T", "text " * 1000)
                    key = writer.put(
                        document, chunks=chunks, vectors=vectors, languages=["en"] * len(chunks)
                    )
                    writer.place(f"/docs/{number}", document=key, stamp="1")
        size = writer.size
    places = [str(tmp_path / name) for name in ("kb", "files", "new")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *places],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert size > 150_000_000
    assert int(done.stdout) < 90_000_000


def batches(count: int) -> Iterator[range]:
    for begin in range(0, count, 100):
        yield range(begin, begin + 100)
