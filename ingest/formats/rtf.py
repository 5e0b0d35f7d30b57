r"""RTF: paragraphs, headings, lists, tables and notes from a stream of control words.

No library kept today gives more than running text, so the words are read here: a group
changes where text goes and how it is read until it ends. Lists show the numbers that
are stored with them, headings go by outline level or style name, notes follow what
refers to them. What is hidden (\v) or deleted in a revision is left out.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ingest.document import BlockKind, Parsed
from ingest.formats.code_pages import Decoder, decoder_of_font, encoding_of_page
from ingest.formats.hidden import HiddenText
from ingest.formats.inline import words
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.rtf_text import Characters, paired
from ingest.formats.style_names import StyleName, style_named
from ingest.formats.tables import markdown_table
from kb_qa.errors import ParseError

_START = re.compile(rb"[\s\xef\xbb\xbf]*(?=\{\\rtf)")
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|([^\\{}\r\n]+)|[\r\n]+",
    re.DOTALL,
)
_WORD, _NUMBER, _BYTE, _SYMBOL, _BRACE, _TEXT = range(1, 7)

_CLOSED = words(
    "colortbl filetbl listtable listoverridetable revtbl rsidtbl header headerl headerr headerf "
    "footer footerl footerr footerf pict nonshppict fldinst xe rxe tc tcn sp shprslt objdata "
    "nonesttables falt panose mmathPict"
)
"""Groups without text of the document, whatever stands in them."""

_NO_TEXT_OF_THEIR_OWN = words("info shp shpinst do mmath moMath moMathPara")
_CHARACTERS = {
    "tab": " ", "line": LINE_END, "lbr": LINE_END, "softline": LINE_END, "emdash": "—",
    "endash": "–", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
    "bullet": "•", "emspace": "\u2003", "enspace": "\u2002", "qmspace": "\u2005", "zwj": "\u200d",
    "zwnj": "\u200c",
}  # fmt: skip
_SIGNS = {b"~": "\xa0", b"_": "-"}
_LITERAL = b"\\{}"
_FRAME_COLUMNS = 1
_BULLETS = frozenset({"o", "§", "Ø", "v", "q", "l", "n", "u"})
"""Letters that fonts of signs show as bullets."""

_PADDING = b" \t\r\n\0\x1a"
_DEEPEST_STYLE = 20
_BODY_TEXT = 9

Pieces: TypeAlias = list[str]


class _State(NamedTuple):
    """What holds until a group ends.

    Attributes:
        into: what text is written to; None where it is no text of the document.
        is_closed: whether nothing inside the group is, either.
        held: where text goes again inside a part of the group.
        table: "fonts", "styles" or "forms" while one of those is being read.
        font: by its number.
        stand_ins: characters that follow a Unicode one for readers that know none.
        is_hidden: whether text is hidden.
        is_deleted: whether text was deleted in a revision.
        style: of the paragraph, by its number.
        level: of the paragraph in the outline, 0 for none.
        depth: of the list that it stands in.
        in_table: whether it stands in a table.
    """

    into: Pieces | None
    is_closed: bool = False
    held: Pieces | None = None
    table: str = ""
    font: int = -1
    stand_ins: int = 1
    is_hidden: bool = False
    is_deleted: bool = False
    style: int = 0
    level: int = 0
    depth: int = 0
    in_table: bool = False


class _Style(NamedTuple):
    name: str
    level: int
    based_on: int


def parse(data: bytes, *, name: str) -> Parsed:
    """An RTF document; its title is the paragraph in the style Title, or its property.

    Raises:
        ParseError: it does not begin like one.
    """
    start = _START.match(data)
    if start is None:
        raise ParseError(r"damaged, or not RTF: it does not begin with {\rtf")
    reader = _Reader()
    end = reader.read(data, start.end())
    blocks, after = reader.outline.blocks(), len(data[end:].strip(_PADDING))
    if after and not blocks:
        raise ParseError(f"damaged: the document ends after {end} of {len(data)} bytes")
    return Parsed(reader.title or name, blocks, warnings=reader.warnings(after=after))


class _Reader:
    def __init__(self) -> None:
        self.outline = Outline()
        self._body: Pieces = []
        self._marker: Pieces = []
        self._title: Pieces = []
        self._title_shown = ""
        self._style_name: Pieces = []
        self._based_on = -1
        self._styles: dict[int, _Style] = {}
        self._character_sets: dict[int, int] = {}
        self._encoding = encoding_of_page(0)
        self._decoders: dict[int, Decoder] = {}
        self._default_font = -1
        self._cell: Pieces = []
        self._row: list[Pieces] = []
        self._rows: list[list[Pieces]] = []
        self._notes = 0
        self._asides: list[Pieces] = []
        self._waiting: list[tuple[str, Pieces]] = []
        self._hidden = HiddenText()
        self._is_starred = False
        self._groups: list[_State] = []
        self._state = _State(self._body)
        self._characters = Characters(self._write)

    @property
    def title(self) -> str:
        """The document's own title; "" if it has none."""
        return self._title_shown or " ".join(paired("".join(self._title)).split())

    def warnings(self, *, after: int) -> tuple[str, ...]:
        """What was lost.

        Args:
            after: bytes that follow the document.
        """
        lost, open_groups = self._characters.lost, len(self._groups)
        return (
            *self._hidden.warnings,
            *((f"characters that could not be read: {lost}",) if lost else ()),
            *(("cut short: the file ends within a group",) if open_groups else ()),
            *((f"bytes after the end of the document, not read: {after}",) if after else ()),
        )

    def read(self, data: bytes, position: int) -> int:
        """Read all groups up to the end of the first; where that is."""
        while (token := _TOKEN.match(data, position)) is not None:
            position = token.end()
            kind = token.lastindex
            if kind in (_TEXT, _BYTE):
                if self._state.into is not None:  # pictures are megabytes of digits
                    self._characters.add(_bytes(token), self._decoder())
            elif kind == _BRACE:
                self._read_brace(is_open=token.group(_BRACE) == b"{")
                if not self._groups:
                    break
            elif kind == _SYMBOL:
                self._read_symbol(token.group(_SYMBOL))
            elif kind is not None:
                number = token.group(_NUMBER)
                word = token.group(_WORD).decode()
                position += self._read_word(word, None if number is None else int(number))
        self._characters.end()
        self._end_paragraph()
        self._end_table()
        return len(data) if self._groups else position

    def _read_brace(self, *, is_open: bool) -> None:
        self._characters.end()
        self._is_starred = False
        if is_open:
            self._groups.append(self._state)
        elif self._groups:
            if self._state.table == "styles":
                self._end_style()
            self._state = self._groups.pop()

    def _read_symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._characters.end()
            self._is_starred = True
        elif symbol in _SIGNS:
            self._characters.add_character(_SIGNS[symbol])
        elif symbol in _LITERAL:
            self._characters.add(symbol, self._decoder())
        elif symbol in b"\r\n":
            self._characters.end()
            self._end_paragraph()

    def _read_word(self, word: str, number: int | None) -> int:
        """Do what a control word says; the bytes of binary data that follow it."""
        if word == "u":
            self._characters.add_unicode(number or 0, stand_ins=self._state.stand_ins)
        elif word in _CHARACTERS:
            self._characters.add_character(_CHARACTERS[word])
        elif word == "bin":
            return max(0, number or 0)
        else:
            self._characters.end()
            is_starred, self._is_starred = self._is_starred, False
            if self._state.is_closed:
                return 0
            if word in _DESTINATIONS:
                _DESTINATIONS[word](self)
            elif word in _NO_TEXT_OF_THEIR_OWN:
                self._begin_frame()
            elif word in _CLOSED or is_starred or _is_of_formula(word):
                self._state = self._state._replace(into=None, is_closed=True)
            elif word in _PROPERTIES:
                self._state = _PROPERTIES[word](self._state, number)
            elif word in _ACTIONS:
                _ACTIONS[word](self, number)
        return 0

    def _decoder(self) -> Decoder:
        font = self._state.font if self._state.font >= 0 else self._default_font
        if font not in self._decoders:
            character_set = self._character_sets.get(font, 1)
            self._decoders[font] = decoder_of_font(character_set, encoding=self._encoding)
        return self._decoders[font]

    def _write(self, text: str) -> None:
        state = self._state
        if state.into is None or state.is_deleted:
            return
        if state.is_hidden:
            self._hidden.leave_out(text)
        else:
            self._hidden.show()
            state.into.append(text)

    def _end_paragraph(self) -> None:
        state = self._state
        if state.into is not self._body:
            if state.into is not None:
                state.into.append(LINE_END)
            return
        text, marker = self._taken(self._body), self._taken(self._marker)
        if state.in_table:
            self._cell.append(text)
            return
        self._end_table()
        self._write_paragraph(text, _shown(marker))
        self._write_waiting()

    def _write_paragraph(self, text: str, marker: str) -> None:
        style, level = self._style(self._state.style)
        if style.is_contents:
            return
        if style.is_title and not self._title_shown:
            self._title_shown = " ".join(text.split())
        level = self._state.level or level
        if level:
            self.outline.begin_heading(level)
            self.outline.write(marker.removeprefix("- ") + text)
            self.outline.end_heading()
        elif style.is_code:
            self.outline.add_code_line(text)
        elif marker and text.strip():
            self.outline.add_item(text, marker=marker, depth=self._state.depth)
        else:
            self.outline.write(text)
            self.outline.end_paragraph()

    def _end_cell(self) -> None:
        if self._state.into is self._body:
            self._row.append([*self._cell, self._taken(self._body)])
            self._cell = []
            self._marker.clear()
        else:
            self._characters.add_character(" ")

    def _end_row(self) -> None:
        if self._row:
            self._rows.append(self._row)
            self._row = []

    def _end_table(self) -> None:
        """Write the table that was read, or what a frame of one column or row surrounds."""
        if self._cell:
            self._row.append(self._cell)
            self._cell = []
        self._end_row()
        rows, self._rows = self._rows, []
        if not rows:
            return
        texts = [[" ".join(cell) for cell in row] for row in rows]
        used = {column for row in texts for column, text in enumerate(row) if text.strip()}
        if min(len(rows), len(used)) > _FRAME_COLUMNS:
            self.outline.add(BlockKind.TABLE, markdown_table(texts))
        else:
            for paragraph in (each for row in rows for cell in row for each in cell):
                self.outline.write(paragraph)
                self.outline.end_paragraph()
        self._write_waiting()

    def _write_waiting(self) -> None:
        """Write the notes and text boxes that hang on what was just written."""
        waiting, self._waiting = self._waiting, []
        for mark, pieces in waiting:
            text = self._taken(pieces).strip(LINE_END + " ")
            parts = [text.replace(LINE_END, " ")] if mark else text.split(LINE_END)
            for part in parts:
                self.outline.write(mark + part)
                self.outline.end_paragraph()

    @staticmethod
    def _taken(pieces: Pieces) -> str:
        text = paired("".join(pieces))
        pieces.clear()
        return text

    def _style(self, number: int) -> tuple[StyleName, int]:
        """What a style's name says, and the level of it or of those that it is based on."""
        named = style_named(self._styles[number].name) if number in self._styles else StyleName()
        for _ in range(_DEEPEST_STYLE):
            style = self._styles.get(number)
            if style is None:
                break
            if level := style.level or style_named(style.name).level:
                return named, level
            number = style.based_on
        return named, 0

    def _end_style(self) -> None:
        name = self._taken(self._style_name).strip().removesuffix(";").strip()
        if name:
            self._styles[self._state.style] = _Style(name, self._state.level, self._based_on)
        self._based_on = -1

    # Where text goes inside a group

    def _begin_fonts(self) -> None:
        self._state = self._state._replace(into=None, table="fonts")

    def _begin_styles(self) -> None:
        self._state = self._state._replace(into=self._style_name, table="styles")

    def _begin_frame(self) -> None:
        state = self._state
        held = state.held if state.into is None else state.into
        self._state = state._replace(into=None, held=held)

    def _begin_forms(self) -> None:
        """The same text twice, first for readers without Unicode."""
        self._state = self._state._replace(into=None, held=self._state.into, table="forms")

    def _begin_title(self) -> None:
        if self._state.into is None and not self._state.table:
            self._state = self._state._replace(into=self._title)

    def _begin_marker(self) -> None:
        if self._state.into is self._body:
            self._marker.clear()
            self._state = self._state._replace(into=self._marker)

    def _begin_note(self) -> None:
        if self._state.into is None:
            return
        self._notes += 1
        self._write(f"[{self._notes}]")
        self._begin_aside(f"[{self._notes}] ")

    def _begin_box(self) -> None:
        self._begin_aside("")

    def _begin_aside(self, mark: str) -> None:
        pieces: Pieces = []
        if not self._state.is_hidden:
            self._waiting.append((mark, pieces))
        self._state = self._state._replace(into=pieces)

    def _go_back(self) -> None:
        self._state = self._state._replace(into=self._state.held, table="")

    # What words do

    def _set_page(self, number: int | None) -> None:
        self._encoding = encoding_of_page(number or 0)

    def _set_default_font(self, number: int | None) -> None:
        self._default_font = number or 0

    def _set_character_set(self, number: int | None) -> None:
        if self._state.table == "fonts":
            self._character_sets[self._state.font] = number or 0

    def _set_based_on(self, number: int | None) -> None:
        self._based_on = -1 if number is None else number


def _bytes(token: re.Match[bytes]) -> bytes:
    """The bytes that a piece of text or a code stands for."""
    text: bytes | None = token.group(_TEXT)
    return bytes.fromhex(token.group(_BYTE).decode()) if text is None else text


def _is_of_formula(word: str) -> bool:
    """Whether a group holds properties of a part of a formula."""
    return word.startswith("m") and word.endswith("Pr")


def _shown(marker: str) -> str:
    """What stands before a list's item: its number, or a bullet."""
    marker = marker.strip()
    if not marker:
        return ""
    is_number = any(map(str.isalnum, marker)) and marker not in _BULLETS
    return f"{marker} " if is_number else "- "


_DESTINATIONS: dict[str, Callable[[_Reader], None]] = {
    "fonttbl": _Reader._begin_fonts,
    "stylesheet": _Reader._begin_styles,
    "title": _Reader._begin_title,
    "listtext": _Reader._begin_marker,
    "pntext": _Reader._begin_marker,
    "footnote": _Reader._begin_note,
    "shptxt": _Reader._begin_box,
    "dptxbxtext": _Reader._begin_box,
    "upr": _Reader._begin_forms,
    "ud": _Reader._go_back,
    "mr": _Reader._go_back,
}
_PROPERTIES: dict[str, Callable[[_State, int | None], _State]] = {
    "f": lambda state, number: state._replace(font=number or 0),
    "uc": lambda state, number: state._replace(stand_ins=max(0, number or 0)),
    "v": lambda state, number: state._replace(is_hidden=number != 0),
    "deleted": lambda state, number: state._replace(is_deleted=number != 0),
    "plain": lambda state, _: state._replace(font=-1, is_hidden=False, is_deleted=False),
    "pard": lambda state, _: state._replace(style=0, level=0, depth=0, in_table=False),
    "s": lambda state, number: state._replace(style=number or 0),
    "outlinelevel": lambda state, number: state._replace(level=_level(number)),
    "ilvl": lambda state, number: state._replace(depth=max(0, number or 0)),
    "intbl": lambda state, _: state._replace(in_table=True),
}
_ACTIONS: dict[str, Callable[[_Reader, int | None], None]] = {
    "par": lambda reader, _: reader._end_paragraph(),
    "sect": lambda reader, _: reader._end_paragraph(),
    "page": lambda reader, _: reader._end_paragraph(),
    "cell": lambda reader, _: reader._end_cell(),
    "row": lambda reader, _: reader._end_row(),
    "nestcell": lambda reader, _: reader._write(" "),
    "nestrow": lambda reader, _: reader._write(" "),
    "ansicpg": _Reader._set_page,
    "deff": _Reader._set_default_font,
    "fcharset": _Reader._set_character_set,
    "sbasedon": _Reader._set_based_on,
}


def _level(number: int | None) -> int:
    """A heading's level by its number from 0; those of body text have none."""
    return number + 1 if number is not None and 0 <= number < _BODY_TEXT else 0
