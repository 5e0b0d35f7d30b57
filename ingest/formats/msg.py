"""Outlook messages: a compound file in which each property of a mail is a stream.

The plain text is read, or else the page, or else the RTF, which Outlook compresses.
Attachments, messages among them, are named in a warning.
"""

import struct
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from compressed_rtf import decompress
from olefile import OleFileIO

from ingest.document import Parsed
from ingest.encoding import decode
from ingest.formats import html, plain, rtf
from ingest.formats.code_pages import encoding_of_page
from ingest.formats.inline import one_line
from ingest.formats.mail import message_blocks, unread
from kb_qa.errors import ParseError

_SUBJECT, _SENDER, _ADDRESS, _TO, _CC = 0x0037, 0x0C1A, 0x5D01, 0x0E04, 0x0E03
_SENT, _CODE_PAGE = 0x00390040, 0x3FFD0003
_BODY, _PAGE, _RTF = 0x1000, 0x1013, 0x1009
_NAMES = (0x3707, 0x3704, 0x3001)
"""An attachment's long name, its short one, and what it is called."""

_UNICODE, _BYTES, _BINARY = "001F", "001E", "0102"
_PROPERTIES = "__properties_version1.0"
_HEADER_SIZE = 32
_ATTACHMENT = "__attach_version1.0_#"
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_UNREAD = "its text is only there as compressed RTF, which was not read"


def parse(data: bytes, *, name: str) -> Parsed:
    """A message; its title is its subject.

    Raises:
        ParseError: it is not a message of Outlook.
    """
    with OleFileIO(BytesIO(data)) as container:
        if not container.exists(_PROPERTIES):
            raise ParseError("damaged, or not an Outlook message: it holds no properties")
        message = _Message(container, most=len(data))
        title = one_line(message.text(_SUBJECT))
        sender = f"{message.text(_SENDER)} <{message.text(_ADDRESS)}>".replace(" <>", "")
        headers = (
            ("From", sender.strip()),
            ("To", message.text(_TO)),
            ("Cc", message.text(_CC)),
            ("Date", message.sent()),
        )
        body = message.body()
        blocks = message_blocks(headers, body.blocks)
        warnings = (*body.warnings, *unread(message.attachments()))
    return Parsed(title or name, tuple(blocks), warnings=warnings)


class _Message:
    def __init__(self, container: "OleFileIO[str]", *, most: int) -> None:
        self._container = container
        self._most = most
        self._properties = dict(self._fixed())
        number = int.from_bytes(self._properties.get(_CODE_PAGE, b"")[:4], "little")
        self._encoding = encoding_of_page(number)

    def text(self, number: int, *, folder: str = "") -> str:
        """A property that is text; "" if there is none."""
        name = f"{folder}__substg1.0_{number:04X}"
        if (wide := self._stream(name + _UNICODE)) is not None:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(name + _BYTES)
        return (narrow or b"").rstrip(b"\0").decode(self._encoding, "replace")

    def sent(self) -> str:
        """When the message was sent, "" if it does not say."""
        ticks = int.from_bytes(self._properties.get(_SENT, b""), "little")
        try:
            moment = _EPOCH + timedelta(microseconds=ticks // 10)
        except OverflowError:
            return ""
        return moment.isoformat(" ", "minutes") if ticks else ""

    def body(self) -> Parsed:
        """What was written: the plain text, or else the page, or else the RTF."""
        if text := self.text(_BODY).strip():
            return plain.parse(text.encode("utf-8", "replace"), name="")
        page = self._stream(f"__substg1.0_{_PAGE:04X}{_BINARY}")
        text = decode(page.rstrip(b"\0"), declared=self._encoding).text if page else ""
        if text := text or self.text(_PAGE):
            return html.parse(text.encode("utf-8", "replace"), name="")
        compressed = self._stream(f"__substg1.0_{_RTF:04X}{_BINARY}")
        return _rich(compressed) if compressed else Parsed("", ())

    def attachments(self) -> list[str]:
        """The names of what is attached."""
        entries = self._container.listdir(streams=False, storages=True)
        folders = [
            each[0] for each in entries if len(each) == 1 and each[0].startswith(_ATTACHMENT)
        ]
        return [self._named(f"{folder}/") for folder in folders]

    def _named(self, folder: str) -> str:
        names = (one_line(self.text(number, folder=folder)) for number in _NAMES)
        return next(filter(None, names), "without a name")

    def _fixed(self) -> list[tuple[int, bytes]]:
        """The properties of a fixed size, by their tag."""
        data = (self._stream(_PROPERTIES) or b"")[_HEADER_SIZE:]
        whole = data[: len(data) // 16 * 16]
        return [(tag, value) for tag, _, value in struct.iter_unpack("<II8s", whole)]

    def _stream(self, path: str) -> bytes | None:
        if not self._container.exists(path):
            return None
        # Sectors that follow each other in circles hold any size that is claimed.
        sizes = (self._container.get_size(path), _size(self._container.root))
        if max(sizes) > self._most:
            raise ParseError("damaged: a part of it claims to be larger than the whole")
        data: bytes = self._container.openstream(path).read()
        return data


def _size(entry: Any) -> int:
    """Bytes that an entry claims; the library's stubs do not know that it tells."""
    return int(entry.size)


def _rich(compressed: bytes) -> Parsed:
    """The text of a message in RTF; a warning where there is none to be had."""
    try:
        return rtf.parse(decompress(compressed), name="")
    except Exception as error:  # noqa: BLE001 -- the library raises no other
        return Parsed("", (), warnings=(f"{_UNREAD}: {one_line(str(error))}",))
