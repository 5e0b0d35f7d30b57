"""The catalog of a knowledge base in Milvus, read without an embedder."""

from collections.abc import Iterator
from contextlib import contextmanager

from kb_qa.store.milvus.address import Address
from kb_qa.store.milvus.connection import connected
from kb_qa.store.milvus.snapshot import MilvusSnapshot
from kb_qa.store.milvus.tables import Tables


class MilvusCatalog:
    """What a knowledge base in Milvus holds.

    Args:
        address: FILE.db or http(s)://USER:PASSWORD@HOST:PORT, with #NAME if wanted.

    Raises:
        SettingsError: it is neither.
    """

    def __init__(self, address: str) -> None:
        self.address = Address.parse(address)

    @property
    def tables(self) -> Tables:
        """Its collections.

        Raises:
            StoreUnreachable: nobody answers there, or the user is not let in.
        """
        return Tables(connected(self.address))

    def exists(self) -> bool:
        """Whether there is a knowledge base."""
        return self.tables.exist()

    @contextmanager
    def read(self) -> Iterator[MilvusSnapshot]:
        """What it holds now; what others change meanwhile is seen.

        Raises:
            KnowledgeBaseMissing: there is none.
            SchemaTooNew: a newer version of this program made it.
        """
        tables = self.tables
        tables.check()
        yield MilvusSnapshot(tables)
