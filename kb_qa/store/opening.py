"""Where a knowledge base is kept: KB_QA_STORE decides, and nobody else knows."""

from pathlib import Path

from kb_qa.embeddings.base import PassageEmbeddings
from kb_qa.errors import SettingsError
from kb_qa.store.base import Catalog as AnyCatalog
from kb_qa.store.base import Store
from kb_qa.store.catalog import Catalog
from kb_qa.store.knowledge_base import CATALOG, KnowledgeBase

IN_FOLDER = "folder"
_MILVUS = "milvus:"


def open_knowledge_base(folder: Path, *, store: str, embeddings: PassageEmbeddings) -> Store:
    """The knowledge base that the settings name.

    Args:
        folder: of the knowledge base; what belongs to it on this machine, where it is kept
            elsewhere.
        store: the setting of that name.
        embeddings: what embeds questions and passages.

    Raises:
        SettingsError: there is no such store, or its extra is not installed.
    """
    if store == IN_FOLDER:
        return KnowledgeBase(folder, embeddings=embeddings)
    # An extra, and a second to import.
    from kb_qa.store.milvus.knowledge_base import MilvusKnowledgeBase

    return MilvusKnowledgeBase(_milvus(store), folder=folder, embeddings=embeddings)


def open_catalog(folder: Path, *, store: str) -> AnyCatalog:
    """What that knowledge base holds, read without an embedder.

    Raises:
        SettingsError: there is no such store, or its extra is not installed.
    """
    if store == IN_FOLDER:
        return Catalog(folder / CATALOG)
    from kb_qa.store.milvus.catalog import MilvusCatalog

    return MilvusCatalog(_milvus(store))


def _milvus(store: str) -> str:
    if not store.startswith(_MILVUS):
        kind = store.partition(":")[0]  # what follows may hold a password
        raise SettingsError(
            f"KB_QA_STORE={kind!r} names no store: set `{IN_FOLDER}`, `{_MILVUS}FILE.db` or "
            f"`{_MILVUS}http://USER:PASSWORD@HOST:PORT`"
        )
    return store.removeprefix(_MILVUS)
