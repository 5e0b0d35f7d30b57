"""Ingestion: every file ends with a true verdict, and nothing is done twice."""

import os
import socket
import threading
import zipfile
from pathlib import Path

import pytest

from ingest.abilities import Abilities
from ingest.options import Options
from ingest.pipeline import ingest, preview
from ingest.progress import Progress
from ingest.report import FileReport, Report, Verdict
from ingest.standing import standing
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
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
    (docs / "a.md").write_text("# Apples\n\nApples are violet.\n")
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


def test_files_in_archives_are_files(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """An archive is a folder: its files have verdicts, and go when it goes."""
    with zipfile.ZipFile(docs / "x.zip", "w") as archive:
        archive.write(docs / "a.md", "inner/copy.md")
        archive.writestr("inner/new.txt", "Quinces are fragrant.")
        archive.writestr("film.mp4", b"0")
    report = run(knowledge_base, docs)
    assert named(report, "new.txt").path.endswith("x.zip/inner/new.txt")
    assert named(report, "copy.md").verdict is Verdict.ADDED
    assert named(report, "film.mp4").reason == "no parser for .mp4"
    assert "x.zip" not in verdicts(report)
    assert "Quinces" in texts(knowledge_base)

    again = verdicts(run(knowledge_base, docs))
    assert again["new.txt"] == again["copy.md"] == Verdict.UNCHANGED
    assert again["film.mp4"] == Verdict.SKIPPED

    (docs / "x.zip").rename(docs / "y.zip")
    assert verdicts(run(knowledge_base, docs))["new.txt"] == Verdict.MOVED
    (docs / "y.zip").unlink()
    assert verdicts(run(knowledge_base, docs))["new.txt"] == Verdict.REMOVED
    assert "Quinces" not in texts(knowledge_base)


def test_an_archive_that_was_not_touched_is_not_opened(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """What is known of its files is enough."""
    path = docs / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("new.txt", "Quinces are fragrant.")
    run(knowledge_base, docs)
    status = path.stat()
    path.write_bytes(b"\0" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert verdicts(run(knowledge_base, docs))["new.txt"] == Verdict.UNCHANGED
    os.utime(path)
    report = run(knowledge_base, docs)
    assert named(report, "x.zip").reason.startswith("damaged, or no archive")


def test_archives_without_anything_to_read(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """An empty one is told, and so is one that is none."""
    with zipfile.ZipFile(docs / "empty.zip", "w"):
        pass
    (docs / "broken.zip").write_bytes(b"no zip")
    report = run(knowledge_base, docs)
    assert named(report, "empty.zip").reason == "empty: the archive holds no files"
    assert named(report, "broken.zip").verdict is Verdict.FAILED
    again = run(knowledge_base, docs)
    assert verdicts(again) == verdicts(report) | dict.fromkeys(
        ("a.md", "b.txt", "c.csv"), Verdict.UNCHANGED
    )


def test_what_others_could_not_read_is_tried_again(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """A verdict holds as long as the file, and what can be read here, are the same."""
    (docs / "bad.pdf").write_bytes(b"no PDF")
    for ocr in ("", "", "eyes-1"):
        options = Options(abilities=Abilities(ocr=ocr))
        report = ingest([docs], knowledge_base=knowledge_base, options=options)
        assert named(report, "bad.pdf").reason.startswith("damaged, or not PDF")
    with knowledge_base.read() as snapshot:
        refusal = snapshot.refusals()[str(docs / "bad.pdf")]
    assert refusal.stamp.endswith("eyes-1")


def test_a_document_is_read_again_when_more_can_be_read(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """Pages that were left unread are read as soon as something can; other files are not."""
    unable, able = (Options(abilities=Abilities(ocr=ocr)) for ocr in ("", "eyes-1"))
    ingest([docs], knowledge_base=knowledge_base, options=unable)
    path = str(docs / "a.md")
    with knowledge_base.write() as writer, writer.transaction():
        location = writer.locations()[path]
        document = Document(
            location.sha256, "Old", "Old text.", 9, unread=3, format=location.format
        )
        vectors = knowledge_base.embeddings.embed_passages(["Old text."])
        key = writer.put(document, chunks=[Chunk("Old text.", 0, 9)], vectors=vectors)
        assert writer.locations()[path].document == key
    report = ingest([docs], knowledge_base=knowledge_base, options=unable)
    assert verdicts(report)["a.md"] == Verdict.UNCHANGED
    report = ingest([docs], knowledge_base=knowledge_base, options=able)
    assert verdicts(report)["a.md"] == Verdict.UPDATED
    assert verdicts(report)["c.csv"] == Verdict.UNCHANGED
    assert "Old text" not in texts(knowledge_base)


def test_a_run_about_some_files_leaves_the_others(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """Patterns say what a run is about: what is known of other files stays, gone or not."""
    run(knowledge_base, docs)
    (docs / "c.csv").unlink()
    options = Options(exclude=("*.csv",))
    report = ingest([docs], knowledge_base=knowledge_base, options=options)
    assert verdicts(report) == dict.fromkeys(("a.md", "b.txt"), Verdict.UNCHANGED)
    assert verdicts(run(knowledge_base, docs))["c.csv"] == Verdict.REMOVED


def test_what_is_ignored_from_now_on_goes(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """A .kbignore says what is no part of the folder; the reason does not call it gone."""
    run(knowledge_base, docs)
    (docs / ".kbignore").write_text("*.csv\n")
    report = run(knowledge_base, docs)
    assert named(report, "c.csv").verdict is Verdict.REMOVED
    assert named(report, "c.csv").reason == "it is ignored now"


def test_a_preview_changes_nothing(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """It tells what a run would do, also where there is no knowledge base yet."""
    told = preview([docs], knowledge_base=knowledge_base)
    assert not knowledge_base.catalog.exists()
    assert verdicts(told) == verdicts(run(knowledge_base, docs))
    (docs / "a.md").write_text("# Apples\n\nApples are violet.\n")
    (docs / "c.csv").unlink()
    told = preview([docs], knowledge_base=knowledge_base)
    assert "violet" not in texts(knowledge_base)
    assert verdicts(told) == verdicts(run(knowledge_base, docs))


def test_the_report_is_there_later(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """What became of every file, its warnings too, and when."""
    (docs / "bad.pdf").write_bytes(b"no PDF")
    report = run(knowledge_base, docs)
    later = standing(knowledge_base.folder)
    assert {(f.path, f.verdict, f.reason, f.chunks, f.warnings) for f in later.files} == {
        (f.path, f.verdict, f.reason, f.chunks, f.warnings) for f in report.files
    }
    assert any(file.warnings for file in later.files)
    assert later.line.startswith("last run 2")
    run(knowledge_base, docs)
    assert verdicts(standing(knowledge_base.folder)) == verdicts(report)


def test_an_interrupted_run_keeps_what_was_stored(
    knowledge_base: KnowledgeBase, docs: Path
) -> None:
    """And leaves neither threads nor the lock behind; the next run does the rest."""
    for number in range(600):
        (docs / f"{number}.txt").write_text(f"Fruit number {number}.")
    ended: list[FileReport] = []

    def interrupt(report: FileReport, _size: int) -> None:
        ended.append(report)
        if len(ended) == 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([docs], knowledge_base=knowledge_base, progress=Progress(ended=interrupt))
    assert not any(thread.name == "ingest stage" for thread in threading.enumerate())
    counts = run(knowledge_base, docs).totals
    assert counts["unchanged"] >= 300
    assert counts["unchanged"] + counts["added"] == 603


def test_the_same_bytes_under_two_suffixes(knowledge_base: KnowledgeBase, docs: Path) -> None:
    """A file is what its suffix says: bytes that are good HTML are no PDF."""
    for name in ("same.html", "same.pdf", "same.md"):
        (docs / name).write_text("<p>Quinces <b>are</b> fragrant.</p>")
    report = run(knowledge_base, docs)
    assert named(report, "same.html").verdict is Verdict.ADDED
    assert named(report, "same.md").verdict is Verdict.ADDED
    assert named(report, "same.pdf").reason.startswith("damaged, or not PDF")
    assert "Quinces are fragrant." in texts(knowledge_base)
    (docs / "later.pdf").write_bytes((docs / "same.html").read_bytes())
    assert verdicts(run(knowledge_base, docs))["later.pdf"] == Verdict.FAILED
