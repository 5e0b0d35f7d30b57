"""The container of Word, PowerPoint and Excel files: XML parts in a ZIP archive.

Names are compared without their namespaces, so files in the strict variant of the
standard, whose namespaces differ, read the same.
"""

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from lxml import etree

from ingest.formats.compound import MAGIC, CompoundFile
from kb_qa.errors import ParseError

Element = etree._Element

_MOST_INFLATED = 256 << 20
"""Bytes of XML read of one file: 70 times the text of a novel, and a tree of about 2 GB."""


@dataclass(frozen=True)
class Relation:
    """What one part says of another: the last word of the relation's type, and the part."""

    kind: str
    target: str


class Package:
    """The XML parts of an Office file.

    Args:
        data: the file's bytes.

    Raises:
        ParseError: it is no ZIP archive, or encrypted.
    """

    def __init__(self, data: bytes) -> None:
        if data.startswith(MAGIC):
            raise ParseError(_said_of_compound(CompoundFile(data)))
        self._archive = zipfile.ZipFile(BytesIO(data))
        self._inflated = 0

    def xml(self, part: str) -> Element | None:
        """The root element of a part; None if there is no such part.

        Raises:
            ParseError: the parts read so far would be too large in memory.
        """
        data = self.read(part)
        if data is None:
            return None
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
        )
        root = etree.fromstring(data, parser)
        declared = root.getroottree().docinfo.internalDTD
        if declared is not None and any(declared.iterentities()):  # type: ignore[union-attr]  # the stubs lack it
            raise ParseError(f"its XML declares entities, which no such file needs: {part}")
        return root

    def read(self, part: str) -> bytes | None:
        """The bytes of a part; None if there is no such part.

        Raises:
            ParseError: the parts read so far would be too large in memory.
        """
        try:
            entry = self._archive.getinfo(part)
        except KeyError:
            return None
        # Reading stops at the size that the archive states, so a false one is caught too.
        self._inflated += entry.file_size
        if self._inflated > _MOST_INFLATED:
            raise ParseError(f"its XML takes more than {_MOST_INFLATED >> 20} MiB when unpacked")
        return self._archive.read(entry)

    def size(self, part: str) -> int:
        """Bytes that a part that is there takes unpacked, as the archive states it."""
        return self._archive.getinfo(part).file_size

    def pieces(self, part: str) -> Iterator[bytes]:
        """The bytes of a part that is there, a mebibyte at a time."""
        with self._archive.open(part) as stream:
            while piece := stream.read(1 << 20):
                yield piece

    def parts(self) -> list[str]:
        """The names of all parts."""
        return self._archive.namelist()

    def relations(self, part: str) -> dict[str, Relation]:
        """What a part refers to inside the file, by the id it uses for it."""
        folder, name = posixpath.split(part)
        root = self.xml(f"{folder}/_rels/{name}.rels")
        return {
            each.get("Id", ""): Relation(
                each.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, each.get("Target", "")))[1:],
            )
            for each in (() if root is None else root)
            if each.get("TargetMode") != "External"
        }

    def title(self) -> str:
        """The title among the file's properties; "" if there is none."""
        root = self.xml("docProps/core.xml")
        titles = () if root is None else descendants(root, "title")
        return next(((each.text or "").strip() for each in titles), "")

    def inflated_size(self) -> int:
        """Bytes that all of the archive takes unpacked, as the archive states it."""
        return sum(entry.file_size for entry in self._archive.infolist())


def _said_of_compound(file: CompoundFile) -> str:
    """Why a file in the old container is not read as one of today's."""
    if file.is_encrypted():
        return "encrypted: save it without a password"
    held = file.kind or "something else"
    return f"not what its suffix says: it holds {held}, in the container of before 2007"


def name_of(element: Element) -> str:
    """An element's name without its namespace."""
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :]


def attribute(element: Element | None, name: str) -> str:
    """An attribute's value, whatever its namespace; "" if it is not there."""
    if element is not None:
        for key, value in element.attrib.items():
            if str(key).rpartition("}")[2] == name:
                return str(value)
    return ""


def child(element: Element | None, *path: str) -> Element | None:
    """The first child by each name in turn; None if there is none."""
    for name in path:
        if element is None:
            return None
        element = next((each for each in element if name_of(each) == name), None)
    return element


def descendants(element: Element, name: str) -> Iterator[Element]:
    """All elements of a name below one, in document order."""
    return element.iterdescendants(f"{{*}}{name}")
