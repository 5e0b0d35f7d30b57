"""A program that changes a knowledge base for ever, and says each change before and after.

    python tests/endurance/changing.py FOLDER SEED

One line for each: `begin` or `done`, then a document's name and its version; version 0 is
a removal. Whoever kills it knows what must be there: all that is done, and of the change
that was begun last all or nothing.
"""

import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from kb_qa.store.knowledge_base import KnowledgeBase
from kb_qa.store.records import Chunk, Document
from kb_qa.store.writer import Writer
from tests.fakes import WordEmbeddings

NAMES = 60
MOST_CHUNKS = 12
SUBJECTS = "harbour winter copper violin meadow 港口 冬天 铜管 提琴 草地".split()


def main(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    most_exact = chance.choice((200, 10**6))
    knowledge_base = KnowledgeBase(
        folder, embeddings=WordEmbeddings(dimension=64), most_exact=most_exact
    )
    while True:
        with knowledge_base.write(wait_seconds=20, publish=chance.random() < 0.7) as writer:
            for _ in range(chance.randint(1, 6)):
                change(knowledge_base, writer, chance)
            if chance.random() < 0.2:
                for manifest in folder.glob("*.json"):
                    if manifest.stem in ("dense", "lexical"):
                        manifest.unlink(missing_ok=True)


def change(knowledge_base: KnowledgeBase, writer: Writer, chance: random.Random) -> None:
    """Put some documents, or remove one, in one transaction."""
    changes = {
        f"document {chance.randrange(NAMES)}": chance.choice((0, *[chance.randrange(1, 10**9)] * 3))
        for _ in range(chance.choice((1, 1, 3)))
    }
    print("begin", json.dumps(changes), flush=True)
    with writer.transaction():
        for name, version in changes.items():
            if version:
                put(knowledge_base, writer, name, version)
            else:
                writer.unplace(name)
    print("done", json.dumps(changes), flush=True)


def put(knowledge_base: KnowledgeBase, writer: Writer, name: str, version: int) -> None:
    texts = texts_of(name, version)
    chunks, begin = [], 0
    for text in texts:
        chunks.append(Chunk(text, begin, begin + len(text)))
        begin += len(text)
    vectors = knowledge_base.embeddings.embed_passages(texts)
    document = Document(f"sha of {name} {version}", title=name, text="".join(texts))
    key = writer.put(document, chunks=chunks, vectors=vectors)
    writer.place(name, document=key, stamp=str(version))


def texts_of(name: str, version: int) -> list[str]:
    """The chunks of one version of a document."""
    chance = random.Random(f"{name} {version}")
    return [
        f"{name} version{version} part {part}: "
        + " ".join(chance.choices(SUBJECTS, k=6))
        + f" word{chance.randrange(300)}"
        for part in range(chance.randint(1, MOST_CHUNKS))
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
