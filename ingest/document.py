"""A parsed document: what every loader returns and the splitter reads."""

from dataclasses import dataclass
from enum import StrEnum

from kb_qa.errors import ParseError


class EmptyDocument(ParseError):
    """A document that holds no text: nothing went wrong, there is nothing to keep."""


class UnsupportedFormat(ParseError):
    """A file of a kind that no parser here reads."""


class NeedsOffice(ParseError):
    """A file that LibreOffice has to convert before a parser here reads it."""


class BlockKind(StrEnum):
    """What a block of text is; tables, code and list items are cut only when they must be."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True)
class Block:
    """One structural piece of a document, in reading order.

    Attributes:
        kind: what it is.
        text: its text, never empty; a table is Markdown, header row first.
        level: a heading's depth, 1 the highest; 0 for anything else.
        page: the page, slide or sheet it stands on, from 1; None where there are none.
        scanned: whether OCR read it from a picture, and may have misread it.
    """

    kind: BlockKind
    text: str
    level: int = 0
    page: int | None = None
    scanned: bool = False


@dataclass(frozen=True)
class Parsed:
    """A document as its loader read it.

    Attributes:
        title: its own title, or its file name without the suffix.
        blocks: the pieces, in reading order.
        pages: how many pages, slides or sheets it has; None where there are none.
        warnings: what was lost or guessed, one line each, for the report.
        unread: pages that hold no text, and that OCR might read.
    """

    title: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    unread: int = 0

    SEPARATOR = "\n\n"

    @property
    def text(self) -> str:
        """The extracted text that offsets count in: the blocks with a blank line between."""
        return self.SEPARATOR.join(block.text for block in self.blocks)
