"""Ingestion: every file ends with a true verdict, and nothing is done twice."""

import os
import socket
from pathlib import Path

import pytest

from ingest.pipeline import ingest
from ingest.report import FileReport, Report, Verdict
from kb_qa.store.knowledge_base import KnowledgeBase
from tests.fakes import WordEmbeddings


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# Apples\n\nApples are red.\n\n## Storage\n\nKeep them cool.\n")
    (folder / "sub" / "b.txt").write_text("香蕉是黄色的。请放在阴凉处。", encoding="gb18030")
    (folder / "c.csv").write_text("fruit,colour\nplum,blue\npear,green\n")
    return folder


def run(knowledge_base: KnowledgeBase, *paths: Path) -> Report:
    return ingest(paths, knowledge_base=knowledge_base)


def verdicts(report: Report) -> dict[str, Verdict]:
    return {Path(file.path).name: file.verdict for file in report.files}


def named(report: Report, name: str) -> FileReport:
    return next(file for file in report.files if Path(file.path).name == name)


def texts(knowledge_base: KnowledgeBase) -> str:
    with knowledge_base.read() as snapshot:
        return "\n".join(
            snapshot.text(location.document) for location in snapshot.locations().values()
        )


def test_every_file_is_added(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """A first run adds what it can read, whatever its encoding."""
    report = run(knowledge_base, docs)
    assert verdicts(report) == dict.fromkeys(("a.md", "b.txt", "c.csv"), Verdict.ADDED)
    assert not report.failed
    assert all(file.chunks for file in report.files)
    assert "香蕉是黄色的" in texts(knowledge_base)


def test_a_second_run_does_nothing(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings, docs: Path
) -> None:
    """Unchanged files are neither parsed nor embedded nor stored again."""
    first = run(knowledge_base, docs)
    with knowledge_base.read() as snapshot:
        generation = snapshot.generation
    embeddings.embedded.clear()
    second = run(knowledge_base, docs)
    assert set(verdicts(second).values()) == {Verdict.UNCHANGED}
    assert embeddings.embedded == []
    with knowledge_base.read() as snapshot:
        assert snapshot.generation == generation
    assert second.totals["chunks"] == first.totals["chunks"]


def test_a_changed_file_is_replaced(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings, docs: Path
) -> None:
    """Its former text goes, and no other file is embedded again."""
    run(knowledge_base, docs)
    embeddings.embedded.clear()
    (docs / "a.md").write_text("# Apples\n\nApples are green.\n")
    report = run(knowledge_base, docs)
    assert verdicts(report)["a.md"] is Verdict.UPDATED
    assert "green" in texts(knowledge_base)
    assert "red" not in texts(knowledge_base)
    assert all("Apples" in text for text in embeddings.embedded)


def test_a_touched_file_is_not_read_again(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings, docs: Path
) -> None:
    """Another date, the same content: unchanged."""
    run(knowledge_base, docs)
    embeddings.embedded.clear()
    os.utime(docs / "a.md", (1, 1))
    assert verdicts(run(knowledge_base, docs))["a.md"] is Verdict.UNCHANGED
    assert embeddings.embedded == []


def test_a_deleted_file_goes(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """And only below the paths that were named."""
    run(knowledge_base, docs)
    (docs / "a.md").unlink()
    (docs / "sub" / "b.txt").unlink()
    assert verdicts(run(knowledge_base, docs / "sub")) == {"b.txt": Verdict.REMOVED}
    assert "Apples" in texts(knowledge_base)
    assert verdicts(run(knowledge_base, docs))["a.md"] is Verdict.REMOVED
    assert "Apples" not in texts(knowledge_base)


def test_a_deleted_folder_goes(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """A named path that is gone is a deletion, if the knowledge base knew it."""
    run(knowledge_base, docs)
    (docs / "sub" / "b.txt").unlink()
    (docs / "sub").rmdir()
    assert verdicts(run(knowledge_base, docs / "sub")) == {"b.txt": Verdict.REMOVED}


def test_a_moved_file_is_recognised(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings, docs: Path
) -> None:
    """Its chunks stay; the report says from where it came."""
    run(knowledge_base, docs)
    embeddings.embedded.clear()
    (docs / "a.md").rename(docs / "sub" / "apples.md")
    report = run(knowledge_base, docs)
    assert verdicts(report)["apples.md"] is Verdict.MOVED
    assert "a.md" not in verdicts(report)
    assert named(report, "apples.md").reason.endswith("docs/a.md")
    assert embeddings.embedded == []
    candidates = knowledge_base.candidates("apples", limit=9)
    places = {path for each in candidates for path in each.passage.paths}
    assert str(docs / "sub" / "apples.md") in places
    assert str(docs / "a.md") not in places


def test_the_same_content_twice_is_stored_once(
    knowledge_base: KnowledgeBase, embeddings: WordEmbeddings, docs: Path
) -> None:
    """In one run and in two; it stays while one of its files does."""
    (docs / "copy.md").write_text((docs / "a.md").read_text())
    run(knowledge_base, docs)
    (docs / "later.md").write_text((docs / "a.md").read_text())
    assert named(run(knowledge_base, docs), "later.md").verdict is Verdict.ADDED
    assert sum("Apples are red" in text for text in embeddings.embedded) == 1
    (docs / "a.md").unlink()
    (docs / "copy.md").unlink()
    run(knowledge_base, docs)
    assert "Apples are red" in texts(knowledge_base)


def test_a_bad_file_costs_its_own_verdict(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """The others are added; the reason is one line; unchanged it is not tried again."""
    (docs / "broken.docx").write_bytes(b"PK\x03\x04 this is no archive")
    (docs / "empty.md").write_text("")
    report = run(knowledge_base, docs)
    assert report.failed
    assert named(report, "broken.docx").verdict is Verdict.FAILED
    assert named(report, "empty.md").verdict is Verdict.SKIPPED
    for name in ("broken.docx", "empty.md"):
        reason = named(report, name).reason
        assert reason
        assert "\n" not in reason
        assert "Traceback" not in reason
    assert verdicts(report)["a.md"] is Verdict.ADDED
    again = run(knowledge_base, docs)
    assert named(again, "broken.docx").reason == named(report, "broken.docx").reason


def test_a_file_that_breaks_keeps_what_was_read_of_it(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """Bad input loses nothing: the last good version stays, and the verdict says so."""
    run(knowledge_base, docs)
    (docs / "a.md").write_bytes(b"\x00\x01\x02\x03" * 100)
    report = named(run(knowledge_base, docs), "a.md")
    assert report.verdict is Verdict.FAILED
    assert "what was read of it before is kept" in report.reason
    assert "Apples are red" in texts(knowledge_base)
    (docs / "a.md").write_text("# Apples\n\nApples are yellow.\n")
    assert named(run(knowledge_base, docs), "a.md").verdict is Verdict.UPDATED
    assert "Apples are red" not in texts(knowledge_base)


def test_what_is_no_document_is_skipped_with_a_reason(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """Other suffixes, links, pipes and sockets; hidden files are left alone."""
    (docs / "photo.xyz").write_bytes(b"...")
    (docs / ".hidden.md").write_text("secret")
    (docs / "link.md").symlink_to(docs / "a.md")
    (docs / "loop").symlink_to(docs)
    os.mkfifo(docs / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(docs / "socket.md"))
        report = run(knowledge_base, docs)
    reasons = {Path(f.path).name: f.reason for f in report.files if f.verdict is Verdict.SKIPPED}
    assert reasons == {
        "photo.xyz": "no parser for .xyz",
        "link.md": f"a link to {docs / 'a.md'}: name its target to ingest it",
        "loop": f"a link to {docs}: name its target to ingest it",
        "pipe.md": "not a regular file",
        "socket.md": "not a regular file",
    }
    assert "secret" not in texts(knowledge_base)


def test_a_name_that_is_not_utf8_fails_alone(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """Its name could not be stored; the verdict says the remedy."""
    Path(os.fsdecode(os.fsencode(docs) + b"/bad\xff.md")).write_text("# Text\n\nText.\n")
    report = run(knowledge_base, docs)
    (bad,) = [file for file in report.files if file.verdict is Verdict.FAILED]
    assert bad.reason == "its name is not UTF-8: rename it"
    bad.path.encode()


def test_the_report_is_the_promised_json(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """Keys, totals and stages, as the README says."""
    report = run(knowledge_base, docs).to_json()
    assert list(report) == ["kb", "files", "totals", "seconds", "confined"]
    assert {"path", "verdict", "reason", "pages", "chunks"} <= set(report["files"][0])
    assert report["totals"]["added"] == report["totals"]["files"] == 3
    assert list(report["seconds"]) == ["find", "parse", "split", "embed", "store", "total"]


def test_the_knowledge_base_in_the_folder_is_not_read(docs: Path) -> None:
    """A knowledge base below the documents is left alone."""
    knowledge_base = KnowledgeBase(docs / "kb", embeddings=WordEmbeddings())
    run(knowledge_base, docs)
    assert set(verdicts(run(knowledge_base, docs)).values()) == {Verdict.UNCHANGED}
