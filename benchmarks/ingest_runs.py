"""One measurement of `benchmarks.ingest`, in a process of its own.

    python -m benchmarks.ingest_runs WAY FILES.json

Prints one JSON object. A way's libraries are imported by that way alone.
"""

import os

os.environ.update(
    DO_NOT_TRACK="true",  # unstructured tells its makers of every file otherwise
    UNSTRUCTURED_DISABLE_NOTICE="1",
    OMP_WAIT_POLICY="passive",
    HF_HUB_OFFLINE="1",
)

import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Read = Callable[[Sequence[Path]], dict[str, Any]]


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    way, listing = sys.argv[1], Path(sys.argv[2])
    files = [Path(path) for path in json.loads(listing.read_text())]
    print(json.dumps(WAYS[way](files)))


def ours_in_a_pool(files: Sequence[Path]) -> dict[str, Any]:
    from ingest.document import Parsed
    from ingest.sandbox import ParserPool
    from ingest.task import Task

    with ParserPool() as pool:

        def parse(paths: Iterable[Path]) -> list[tuple[Path, Any]]:
            tasks = (Task(path, path.name) for path in paths)
            return [(task.path, answer) for task, answer in pool.answers(tasks)]

        smallest = min(files, key=lambda path: path.stat().st_size)
        parse([smallest] * 8)
        began = time.perf_counter()
        answers = parse(files)
        seconds = time.perf_counter() - began
    read = [(path, each) for path, each in answers if isinstance(each, Parsed)]
    pages = sum(each.pages or 0 for _, each in read)
    return _told(seconds, files, [path for path, _ in read], pages=pages)


def ours_on_one_core(files: Sequence[Path]) -> dict[str, Any]:
    from ingest.loaders import load
    from kb_qa.errors import ParseError

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pages, read = 0, []

    def parse(path: Path) -> int | None:
        try:
            return load(path).pages or 0
        except ParseError:
            return None

    parse(min(files, key=lambda path: path.stat().st_size))
    began = time.perf_counter()
    for path in files:
        count = parse(path)
        if count is not None:
            read.append(path)
            pages += count
    return _told(time.perf_counter() - began, files, read, pages=pages)


def directory_loader(files: Sequence[Path]) -> dict[str, Any]:
    _linked(min(files, key=lambda path: path.stat().st_size), _load_directory)
    return _timed_in_a_folder(files, _load_directory)


def simple_directory_reader(files: Sequence[Path]) -> dict[str, Any]:
    from llama_index.core.readers.file.base import _try_loading_included_file_formats

    # What it has no reader for it takes as text, markup and all: that is no parsing.
    if files[0].suffix not in {*_try_loading_included_file_formats(), ".txt"}:
        return {"has_parser": False}
    _linked(min(files, key=lambda path: path.stat().st_size), _read_directory)
    return _timed_in_a_folder(files, _read_directory)


def ours_end_to_end(files: Sequence[Path]) -> dict[str, Any]:
    from ingest.pipeline import ingest
    from kb_qa.store.knowledge_base import KnowledgeBase

    embeddings = _timed_embeddings()
    with tempfile.TemporaryDirectory() as work:
        folder = _folder_of(files, Path(work) / "docs")
        knowledge_base = KnowledgeBase(Path(work) / "kb", embeddings=embeddings)
        began = time.perf_counter()
        report = ingest([folder], knowledge_base=knowledge_base)
        seconds = time.perf_counter() - began
        with knowledge_base.read() as snapshot:
            characters = sum(
                len(snapshot.text(each.document)) for each in snapshot.locations().values()
            )
    return {
        "seconds": seconds,
        "chunks": report.totals["chunks"],
        "characters": characters,
        "embedding": embeddings.seconds,
    }


def langchain_end_to_end(files: Sequence[Path]) -> dict[str, Any]:
    from langchain_community.vectorstores import FAISS
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embeddings = _timed_embeddings()
    with tempfile.TemporaryDirectory() as work:
        folder = _folder_of(files, Path(work) / "docs")
        _make_unstructured_work_offline()
        _load_directory(_folder_of(files[:1], Path(work) / "first"))
        began = time.perf_counter()
        documents = _documents_of(folder)
        splitter = RecursiveCharacterTextSplitter(chunk_size=500, chunk_overlap=150)
        chunks = splitter.split_documents(documents)
        FAISS.from_documents(chunks, embeddings).save_local(str(Path(work) / "kb"))
        seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "chunks": len(chunks),
        "characters": sum(len(each.page_content) for each in documents),
        "embedding": embeddings.seconds,
    }


WAYS: dict[str, Read] = {
    "ours": ours_in_a_pool,
    "ours, one core": ours_on_one_core,
    "DirectoryLoader": directory_loader,
    "SimpleDirectoryReader": simple_directory_reader,
    "ours, end to end": ours_end_to_end,
    "LangChain, end to end": langchain_end_to_end,
}


def _load_directory(folder: Path) -> set[str]:
    """The names of the files in a folder that LangChain reads."""
    return {Path(each.metadata["source"]).name for each in _documents_of(folder)}


def _documents_of(folder: Path) -> list[Any]:
    from langchain_community.document_loaders import DirectoryLoader, UnstructuredFileLoader

    _make_unstructured_work_offline()
    loader = DirectoryLoader(
        str(folder),
        silent_errors=True,
        loader_cls=UnstructuredFileLoader,
        loader_kwargs={"languages": [""], "strategy": "fast"},
    )
    return [each for each in loader.load() if each.page_content.strip()]


def _make_unstructured_work_offline() -> None:
    """Its sentence splitter is downloaded otherwise; a rule-based one is put in its place."""
    import spacy
    from unstructured.nlp import tokenize

    language = spacy.blank("xx")
    language.add_pipe("sentencizer")
    language.max_length = 10**9
    if not hasattr(tokenize, "_get_nlp"):
        raise SystemExit("this version of unstructured loads its tokenizer in another way")
    tokenize._get_nlp = lambda: language  # the seam that 0.27 has


def _read_directory(folder: Path) -> set[str]:
    """The names of the files in a folder that LlamaIndex reads."""
    from llama_index.core import SimpleDirectoryReader

    documents = SimpleDirectoryReader(str(folder), recursive=True).load_data()
    return {each.metadata["file_name"] for each in documents if each.text.strip()}


def _timed_in_a_folder(files: Sequence[Path], read: Callable[[Path], set[str]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as work:
        folder = _folder_of(files, Path(work))
        began = time.perf_counter()
        names = read(folder)
        seconds = time.perf_counter() - began
    return _told(seconds, files, [p for n, p in enumerate(files) if _name(n, p) in names])


def _linked(path: Path, read: Callable[[Path], set[str]]) -> None:
    with tempfile.TemporaryDirectory() as work:
        read(_folder_of([path], Path(work)))


def _folder_of(files: Sequence[Path], folder: Path) -> Path:
    """A folder that holds these files and no others."""
    folder.mkdir(exist_ok=True)
    for number, path in enumerate(files):
        (folder / _name(number, path)).write_bytes(path.read_bytes())
    return folder


def _name(number: int, path: Path) -> str:
    return f"{number:04}{path.suffix}"


def _told(
    seconds: float, files: Sequence[Path], read: Sequence[Path], *, pages: int = 0
) -> dict[str, Any]:
    return {
        "seconds": seconds,
        "bytes": sum(path.stat().st_size for path in read),
        "failed": len(files) - len(read),
        "pages": pages,
    }


def _timed_embeddings() -> Any:
    """The bundled embedder, which counts the time that it works."""
    from kb_qa.embeddings import PassageEmbeddings, load_embeddings
    from kb_qa.embeddings.base import EmbedderIdentity, Vectors

    class Timed(PassageEmbeddings):
        def __init__(self) -> None:
            self._embeddings = load_embeddings("bundled")
            self._embeddings.embed_passages(["warm"])
            self.seconds = 0.0

        @property
        def identity(self) -> EmbedderIdentity:
            return self._embeddings.identity

        @property
        def max_tokens(self) -> int:
            return self._embeddings.max_tokens

        def count_tokens(self, texts: Sequence[str]) -> list[int]:
            return self._embeddings.count_tokens(texts)

        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            began = time.perf_counter()
            try:
                return self._embeddings.embed_passages(texts)
            finally:
                self.seconds += time.perf_counter() - began

        def embed_queries(self, texts: Sequence[str]) -> Vectors:
            return self._embeddings.embed_queries(texts)

    return Timed()


if __name__ == "__main__":
    main()
