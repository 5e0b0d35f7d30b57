"""The store at ten thousand, a hundred thousand and a million chunks, beside what others do.

    python -m benchmarks.store [--chunks 10000 100000 1000000] [--folder DIR] [--peers PYTHON]

Text is made up, as long as real chunks are, half Chinese and half English, with words as
frequent as words are; vectors of 384 dimensions lie in clusters. Questions are words of a
chunk, with a vector at a cosine of 0.85 to its own; embedding them is not counted. Every
measurement is a process of its own, times are wall clock at the caller. "Nothing cached" asks
after the system was told to forget the files; the other searches read them once before.
PYTHON is an environment with this project, langchain-community, faiss-cpu, rank-bm25 and
llama-index-core; the others get the same texts and vectors, and are left out where they take
over five minutes or 18 GiB.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.store_data import CHUNKS_A_DOCUMENT, Asked, Passages, Planned, documents, questions
from kb_qa.retrieval import HybridRetriever
from kb_qa.store.derived import Derived
from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from kb_qa.store.writer import Writer

SIZES = (10_000, 100_000, 1_000_000)
QUESTIONS, WARM = 200, 20
COMMITTED = 50  # documents in a transaction
WRITTEN_A_SECOND = 100
PEERS = ("FAISS + rank-bm25", "LlamaIndex")
SECONDS, PEER_BYTES = 300, 18 << 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", type=Path, help="where the knowledge bases are made, and kept")
    parser.add_argument("--peers", default="", help="another environment's Python")
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        name, folder, chunks = options.stage
        if name in PEERS:
            resource.setrlimit(resource.RLIMIT_AS, (PEER_BYTES, PEER_BYTES))
        print(json.dumps(STAGES[name](Path(folder), int(chunks))))
        return
    python = platform.python_version()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {python}\n")
    parent = options.folder or Path(tempfile.mkdtemp())
    try:
        tables = [
            measure_size(chunks, parent / str(chunks), options.peers) for chunks in options.chunks
        ]
    finally:
        if not options.folder:
            shutil.rmtree(parent)
    print_tables(options.chunks, tables)


def measure_size(chunks: int, folder: Path, peers: str) -> dict[str, Any]:
    stages = ["build", "cold", "search", "change"]
    measured: dict[str, Any] = {}
    for stage in stages:
        measured |= in_process(stage, folder, chunks, sys.executable) or {}
    for peer in PEERS if peers else ():
        measured[peer] = in_process(peer, folder, chunks, peers)
    return measured


def in_process(stage: str, folder: Path, chunks: int, python: str) -> Any:
    command = [python, "-m", "benchmarks.store", "--stage", stage, str(folder), str(chunks)]
    seconds = SECONDS if stage in PEERS else 3600
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"over {SECONDS} s"}
    said = done.stdout.splitlines()[-1] if done.stdout else ""
    print(f"{stage} {chunks}: {said} {done.stderr[-600:]}", file=sys.stderr, flush=True)
    return {"failed": done.stderr.splitlines()[-1][:80]} if done.returncode else json.loads(said)


def build(folder: Path, chunks: int) -> dict[str, Any]:
    """Into the catalog, then what is derived; how fast, and how large."""
    if (folder / "catalog.sqlite").exists():
        return sizes(folder, chunks)
    knowledge_base = KnowledgeBase(folder, embeddings=Planned())
    seconds = dict.fromkeys(("text", "catalog", "derived"), 0.0)
    made = iter(documents(chunks // CHUNKS_A_DOCUMENT))
    with knowledge_base.write(publish=False) as writer:
        number = 0
        while some := timed(seconds, "text", lambda: list(islice(made, COMMITTED))):
            timed(seconds, "catalog", partial(put, writer, some, first=number))
            number += len(some)
        timed(seconds, "derived", lambda: knowledge_base.publish(writer))
    rates = {f"{name}_seconds": took for name, took in seconds.items()}
    return rates | sizes(folder, chunks) | {"build_peak": peak_bytes()}


def timed(seconds: dict[str, float], name: str, run: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = run()
    seconds[name] += time.perf_counter() - start
    return result


def put(writer: Writer, some: list[Passages], *, first: int) -> None:
    with writer.transaction():
        for number, passages in enumerate(some, first):
            put_one(writer, passages, name=str(number))


def put_one(writer: Writer, passages: Passages, *, name: str) -> None:
    chunks, begin = [], 0
    for text in passages.texts:
        chunks.append(Chunk(text, begin, begin + len(text)))
        begin += len(text)
    document = Document(f"sha-{name}", title=f"Document {name}", text="".join(passages.texts))
    key = writer.put(document, chunks=chunks, vectors=passages.vectors)
    writer.place(f"/documents/{name}", document=key, stamp="1")


def sizes(folder: Path, chunks: int) -> dict[str, float]:
    def size(pattern: str) -> float:
        return sum(path.stat().st_size for path in folder.glob(pattern)) / chunks

    sides = {"catalog": "catalog.sqlite*", "dense": "dense*/*", "lexical": "lexical*/*"}
    return {f"{side}_bytes": size(pattern) for side, pattern in sides.items()}


def cold(folder: Path, chunks: int) -> dict[str, Any]:
    """The first questions after a start of the machine, as far as that can be had."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    asked = questions(QUESTIONS, among=chunks // CHUNKS_A_DOCUMENT)
    start = time.perf_counter()
    retriever = HybridRetriever(knowledge_base=KnowledgeBase(folder, embeddings=Planned(asked)))
    retriever.invoke(asked[0].text)
    opened = time.perf_counter() - start
    return {"open_cold": opened, "cold": percentiles([time_of(retriever, each) for each in asked])}


def cache_files(folder: Path) -> None:
    """Have the system hold the files in memory, as far as there is room."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 24):
                    pass


def search(folder: Path, chunks: int) -> dict[str, Any]:
    """Opened by a new process: the first answer, many, by several threads, beside a writer."""
    cache_files(folder)
    asked = questions(QUESTIONS, among=chunks // CHUNKS_A_DOCUMENT)
    before = resident_bytes()
    start = time.perf_counter()
    knowledge_base = KnowledgeBase(folder, embeddings=Planned(asked))
    retriever = HybridRetriever(knowledge_base=knowledge_base)
    retriever.invoke(asked[0].text)
    measured: dict[str, Any] = {"open": time.perf_counter() - start}
    for each in asked[:WARM]:
        retriever.invoke(each.text)
    measured["one"] = percentiles([time_of(retriever, each) for each in asked])
    measured["one_rate"] = rate(lambda: [time_of(retriever, each) for each in asked])
    measured["two_rate"] = rate(lambda: by_threads(retriever, asked, 2))
    start = time.perf_counter()
    measured["eight"] = percentiles(times := by_threads(retriever, asked, 8))
    measured["eight_rate"] = len(times) / (time.perf_counter() - start)
    measured["memory"] = resident_bytes() - before
    measured["recall"] = recall(knowledge_base, asked[:100])
    with writing(folder):
        time.sleep(3)
        measured["one_written"] = percentiles([time_of(retriever, each) for each in asked])
        measured["eight_written"] = percentiles(by_threads(retriever, asked, 8))
    return measured


def rate(run: Callable[[], list[float]]) -> float:
    """Questions answered in a second."""
    start = time.perf_counter()
    return len(run()) / (time.perf_counter() - start)


def time_of(retriever: HybridRetriever, asked: Asked) -> float:
    start = time.perf_counter()
    retriever.invoke(asked.text)
    return time.perf_counter() - start


def by_threads(retriever: HybridRetriever, asked: list[Asked], count: int) -> list[float]:
    times: list[float] = []

    def ask(number: int) -> None:
        times.extend(time_of(retriever, each) for each in asked[number::count] * 2)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def recall(knowledge_base: KnowledgeBase, asked: list[Asked]) -> float:
    """Of the ten nearest by brute force, the share that is among the fifty offered."""
    with knowledge_base.read() as snapshot:
        dense = Derived.load(knowledge_base.folder, snapshot, layout=knowledge_base._layout).dense
        rows = np.stack([dense.centring.question_row(each.vector) for each in asked])
        best, products = np.zeros((len(asked), 10), np.int64), np.full((len(asked), 10), -np.inf)
        found_documents = snapshot.changes_since(0).added
        for begin in range(0, len(found_documents), 500):
            keys, languages, vectors = snapshot.vectors_of(found_documents[begin : begin + 500])
            block = dense.centring.added(vectors, languages)[1]
            all_products = np.concatenate([products, rows @ block.T], axis=1)
            all_keys = np.concatenate([best, np.tile(keys, (len(asked), 1))], axis=1)
            order = np.argsort(-all_products, axis=1)[:, :10]
            best = np.take_along_axis(all_keys, order, axis=1)
            products = np.take_along_axis(all_products, order, axis=1)
    found = [dense.search(each.vector, limit=50) for each in asked]
    return float(
        np.mean([np.isin(row, some).mean() for row, some in zip(best, found, strict=True)])
    )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Another process that adds so many chunks a second."""
    command = [sys.executable, "-m", "benchmarks.store", "--stage", "write", str(folder), "0"]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def write(folder: Path, _chunks: int) -> dict[str, Any]:
    knowledge_base = KnowledgeBase(folder, embeddings=Planned())
    with knowledge_base.write() as writer:
        for number, passages in enumerate(documents(10_000, seed=time.time_ns() % 10**9)):
            put(writer, [passages], first=10**7 + time.time_ns() + number)
            time.sleep(CHUNKS_A_DOCUMENT / WRITTEN_A_SECOND)
    return {}


def change(folder: Path, chunks: int) -> dict[str, Any]:
    """A document replaced and one removed: until another reader, who asks on, finds it so."""
    new = Asked("xylophone quartz", np.eye(1, 384, dtype=np.float32)[0])
    reader = HybridRetriever(knowledge_base=KnowledgeBase(folder, embeddings=Planned([new])))
    own = KnowledgeBase(folder, embeddings=Planned([new]))
    texts = [f"xylophone quartz number {number}" for number in range(CHUNKS_A_DOCUMENT)]
    passages = Passages(texts, np.tile(new.vector, (CHUNKS_A_DOCUMENT, 1)))
    own_reader = HybridRetriever(knowledge_base=own)
    reader.invoke(new.text), own_reader.invoke(new.text)
    measured = {}
    with own.write() as writer:
        path = f"/documents/{chunks // CHUNKS_A_DOCUMENT // 2}"
        start = time.perf_counter()
        with writer.transaction():
            put_one(writer, passages, name=path.rpartition("/")[2] + "-new")
            key = writer.location(path + "-new").document
            writer.place(path, document=key, stamp="2")
            writer.unplace(path + "-new")
        measured["committed"] = time.perf_counter() - start
        wait_until(lambda: "xylophone" in own_reader.invoke(new.text)[0].page_content)
        measured["replaced_own"] = time.perf_counter() - start
        wait_until(lambda: "xylophone" in reader.invoke(new.text)[0].page_content)
        measured["replaced"] = time.perf_counter() - start
        start = time.perf_counter()
        with writer.transaction():
            writer.unplace(path)
        wait_until(lambda: "xylophone" not in reader.invoke(new.text)[0].page_content)
        measured["deleted"] = time.perf_counter() - start
        start = time.perf_counter()
        own.publish(writer)
        measured["published"] = time.perf_counter() - start
    return measured


def wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.01)


def faiss_and_bm25(_folder: Path, chunks: int) -> dict[str, Any]:
    """LangChain's tutorial: FAISS and BM25Retriever in memory, fused by ranks."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_community.vectorstores import FAISS

    from kb_qa.terms import terms

    asked = questions(QUESTIONS, among=chunks // CHUNKS_A_DOCUMENT)
    before, start = resident_bytes(), time.perf_counter()
    pairs = pairs_of(chunks)
    store = FAISS.from_embeddings(pairs, Planned(asked))
    words = BM25Retriever.from_texts([text for text, _ in pairs], preprocess_func=terms, k=50)
    both = EnsembleRetriever(retrievers=[store.as_retriever(search_kwargs={"k": 50}), words])
    built = time.perf_counter() - start
    times = [call_time(lambda each=each: both.invoke(each.text)) for each in asked[:50]]
    return {"built": built, "one": percentiles(times), "memory": resident_bytes() - before}


def llama_index(_folder: Path, chunks: int) -> dict[str, Any]:
    """Its own vector store, by meaning alone: it has no words of its own."""
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import SimpleVectorStore, VectorStoreQuery

    asked = questions(QUESTIONS, among=chunks // CHUNKS_A_DOCUMENT)
    before, start = resident_bytes(), time.perf_counter()
    store = SimpleVectorStore()
    store.add([TextNode(text=text, embedding=vector) for text, vector in pairs_of(chunks)])
    built = time.perf_counter() - start
    times = [
        call_time(
            lambda each=each: store.query(
                VectorStoreQuery(query_embedding=each.vector.tolist(), similarity_top_k=50)
            )
        )
        for each in asked[:20]
    ]
    return {"built": built, "one": percentiles(times), "memory": resident_bytes() - before}


def pairs_of(chunks: int) -> list[tuple[str, list[float]]]:
    return [
        (text, vector.tolist())
        for passages in documents(chunks // CHUNKS_A_DOCUMENT)
        for text, vector in zip(passages.texts, passages.vectors, strict=True)
    ]


def call_time(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def percentiles(times: list[float]) -> list[float]:
    return [float(np.percentile(times, 50)), float(np.percentile(times, 95))]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


STAGES: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "build": build,
    "cold": cold,
    "search": search,
    "write": write,
    "change": change,
    PEERS[0]: faiss_and_bm25,
    PEERS[1]: llama_index,
}


def print_tables(sizes_measured: list[int], tables: list[dict[str, Any]]) -> None:
    print("| | " + " | ".join(f"{size:,}" for size in sizes_measured) + " |")
    print("|---|" + "---|" * len(tables))
    for name, shown in ROWS.items():
        print(f"| {name} | " + " | ".join(cell(shown, table) for table in tables) + " |")
    for peer in PEERS:
        if any(peer in table for table in tables):
            cells = [peer_cell(table.get(peer)) for table in tables]
            print(f"| {peer}: built, p50 / p95, memory | " + " | ".join(cells) + " |")


def cell(shown: Callable[[dict[str, Any]], str], table: dict[str, Any]) -> str:
    try:
        return shown(table)
    except KeyError:
        return ""


def ms(pair: list[float]) -> str:
    return " / ".join(f"{1e3 * each:.1f}" for each in pair)


def peer_cell(measured: dict[str, Any] | None) -> str:
    if not measured or "failed" in measured:
        return measured["failed"] if measured else ""
    return (
        f"{measured['built']:.0f} s, {ms(measured['one'])} ms, {measured['memory'] / 2**20:.0f} MiB"
    )


ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "catalog written, s": lambda t: f"{t['catalog_seconds']:.0f}",
    "derived made, s": lambda t: f"{t['derived_seconds']:.0f}",
    "the builder's peak, MiB": lambda t: f"{t['build_peak'] / 2**20:.0f}",
    "bytes a chunk on disk: catalog, dense, words": lambda t: ", ".join(
        f"{t[f'{side}_bytes']:.0f}" for side in ("catalog", "dense", "lexical")
    ),
    "opened, with the first answer, s": lambda t: f"{t['open']:.2f}",
    "memory of a reader, MiB": lambda t: f"{t['memory'] / 2**20:.0f}",
    "recall@10": lambda t: f"{t['recall']:.3f}",
    "nothing cached: opened, with the first answer, s": lambda t: f"{t['open_cold']:.2f}",
    "nothing cached: one thread, p50 / p95 ms": lambda t: ms(t["cold"]),
    "one thread, p50 / p95 ms": lambda t: ms(t["one"]),
    "eight threads": lambda t: ms(t["eight"]),
    "questions a second: one, two, eight threads": lambda t: ", ".join(
        f"{t[f'{count}_rate']:.0f}" for count in ("one", "two", "eight")
    ),
    "one thread, beside a writer": lambda t: ms(t["one_written"]),
    "eight threads, beside a writer": lambda t: ms(t["eight_written"]),
    "a document replaced: committed, found by its writer, by another reader, s": lambda t: (
        ", ".join(f"{t[name]:.2f}" for name in ("committed", "replaced_own", "replaced"))
    ),
    "a document removed, for another reader, s": lambda t: f"{t['deleted']:.2f}",
    "saved after that, s": lambda t: f"{t['published']:.1f}",
}


if __name__ == "__main__":
    main()
