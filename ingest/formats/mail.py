"""Mail: what was written, by whom and when; forwarded messages too, attachments by name.

Headers are decoded here, because much Chinese mail declares GB 2312 and is written in GB 18030,
cuts characters in two between encoded words, or does not encode its headers at all.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import EmailPolicy
from functools import lru_cache
from quopri import decodestring

from ingest.document import Block, BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats import html, plain
from ingest.formats.inline import one_line
from kb_qa.errors import ParseError

_SHOWN_HEADERS = ("From", "To", "Cc", "Date")
_LONGEST_HEADER = 2000
_MOST_NAMED = 5
_WORDS = re.compile(r"=\?([\w.:-]{1,40})(?:\*[\w-]*)?\?([bBqQ])\?([^?]*)\?=(\s+(?==\?))?")


def parse(data: bytes, *, name: str) -> Parsed:
    """A message; its title is its subject.

    Raises:
        ParseError: it is not a message.
    """
    message = _message(data)
    reader = _Reader()
    reader.read(message)
    title = header(message, "Subject")
    return Parsed(title or name, tuple(reader.blocks), warnings=reader.warnings())


def parse_page(data: bytes, *, name: str) -> Parsed:
    """A web page saved with its pictures in one file (MHTML).

    Raises:
        ParseError: it holds no page.
    """
    message = _message(data)
    parts = [part for part in message.walk() if not part.is_multipart()]
    page = next((part for part in parts if part.get_content_type() == "text/html"), None)
    if page is None:
        raise ParseError("damaged, or not MHTML: it holds no page of HTML")
    text, warnings = _decoded(page)
    parsed = html.parse(text.encode("utf-8", "replace"), name=header(message, "Subject") or name)
    pictures = sum(part.get_content_maintype() == "image" for part in parts)
    counted = (f"pictures that were not read: {pictures}",) if pictures else ()
    return Parsed(parsed.title, parsed.blocks, warnings=(*warnings, *parsed.warnings, *counted))


def message_blocks(headers: Sequence[tuple[str, str]], body: Sequence[Block]) -> list[Block]:
    """A message's blocks: who wrote when to whom, then its text."""
    lines = [f"{name}: {value}" for name, value in headers if value]
    head = [Block(BlockKind.PARAGRAPH, "\n".join(lines))] if lines else []
    return [*head, *body]


def unread(attachments: Sequence[str]) -> tuple[str, ...]:
    """The warning that names the attachments that were not read."""
    if not attachments:
        return ()
    named = ", ".join(attachments[:_MOST_NAMED])
    more = f" and {len(attachments) - _MOST_NAMED} more" if len(attachments) > _MOST_NAMED else ""
    return (f"attachments that were not read: {len(attachments)} ({named}{more})",)


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._attachments: list[str] = []
        self._warnings: list[str] = []

    def read(self, message: Message) -> None:
        """Read a message and those within it, the outermost first."""
        waiting: list[tuple[Message, int]] = [(message, 0)]
        while waiting:
            part, depth = waiting.pop()
            if depth:
                title = header(part, "Subject") or "-"
                self.blocks.append(Block(BlockKind.HEADING, title, min(depth, 6)))
            headers = [(name, header(part, name)) for name in _SHOWN_HEADERS]
            inner: list[Message] = []
            body = [block for text in _leaves(part, inner) for block in self._read_leaf(text)]
            self.blocks += message_blocks(headers, body)
            waiting += [(each, depth + 1) for each in reversed(inner)]

    def warnings(self) -> tuple[str, ...]:
        """What was guessed and what was not read."""
        return (*dict.fromkeys(self._warnings), *unread(self._attachments))

    def _read_leaf(self, part: Message) -> Sequence[Block]:
        named = part.get_filename()
        kind = part.get_content_type()
        if part.get_content_disposition() == "attachment" or kind not in _READERS:
            self._attachments.append(decode_words(named) if named else kind)
            return ()
        text, warnings = _decoded(part)
        parsed = _READERS[kind](text.encode("utf-8", "replace"), name="")
        self._warnings += [*warnings, *parsed.warnings]
        return parsed.blocks


_READERS = {"text/plain": plain.parse, "text/html": html.parse}


class _Brief(EmailPolicy):
    """Reads the beginning of a header only: the time for one grows with its square.

    Parts are mostly alike, and each of their headers is asked for many times: it is read once.
    """

    def header_fetch_parse(self, name: str, value: str) -> str:
        return _header_read(name, value[:_LONGEST_HEADER])


@lru_cache(maxsize=256)
def _header_read(name: str, value: str) -> str:
    return str(EmailPolicy().header_fetch_parse(name, value))


def _message(data: bytes) -> Message:
    try:
        message = message_from_bytes(data, policy=_Brief())
    except RecursionError:
        raise ParseError("its parts are nested too deep to be read") from None
    if not message.keys() or not (set(map(str.lower, message.keys())) & _EXPECTED):
        raise ParseError("damaged, or not a message: it has no header such as From or Subject")
    return message


_EXPECTED = {"from", "to", "subject", "date", "received", "message-id", "mime-version"}


def _leaves(message: Message, inner: list[Message]) -> Iterator[Message]:
    """The parts that hold one thing each; messages within are put aside for the caller."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        kind = part.get_content_type()
        payload = part.get_payload()
        parts = [each for each in payload if isinstance(each, Message)]
        if not part.is_multipart():
            yield part
        elif kind == "message/rfc822":
            inner += parts
        elif kind == "multipart/alternative":
            waiting += _best(parts)
        else:
            waiting += reversed(parts)


def _best(parts: Sequence[Message]) -> Sequence[Message]:
    """Of one text in several forms the plain one, unless it says nothing."""
    plains = [part for part in parts if part.get_content_type() == "text/plain"]
    for part in plains:
        if _decoded(part)[0].strip():
            return [part]
    return [part for part in parts if part not in plains][-1:]


def _decoded(part: Message) -> tuple[str, tuple[str, ...]]:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return "", ()
    decoded = decode(payload, declared=str(part.get_param("charset", "") or "") or None)
    return decoded.text, decoded.warnings


def header(message: Message, name: str) -> str:
    """A header as people read it; "" if there is none."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return decode_words(str(value)[:_LONGEST_HEADER])
    return ""


def decode_words(text: str) -> str:
    """A header's text, its encoded words decoded; those of one character are put together."""
    raw = text.encode("utf-8", "surrogateescape")
    text = _text(raw, None)
    pieces: list[str] = []
    bytes_so_far, encoding, at = b"", "", 0
    for word in _WORDS.finditer(text):
        pieces.append(text[at : word.start()])
        if encoding.lower() not in ("", word.group(1).lower()):
            pieces.append(_text(bytes_so_far, encoding))
            bytes_so_far = b""
        encoding = word.group(1)
        bytes_so_far += _bytes_of(word.group(2), word.group(3))
        at = word.end()
        if word.group(4) is None:
            pieces.append(_text(bytes_so_far, encoding))
            bytes_so_far, encoding = b"", ""
    pieces += [_text(bytes_so_far, encoding), text[at:]]
    return one_line("".join(pieces))


def _bytes_of(kind: str, word: str) -> bytes:
    if kind in "qQ":
        return decodestring(word.encode("ascii", "replace"), header=True)
    try:
        return b64decode(word + "=" * (-len(word) % 4))
    except (NotBase64, ValueError):
        return word.encode("utf-8", "replace")


def _text(data: bytes, declared: str | None) -> str:
    try:
        return decode(data, declared=declared).text if data else ""
    except ParseError:
        return data.decode("ascii", "replace")
