r"""LaTeX: sections, lists, tables, listings and notes; formulas stay as they are written.

A tokenizer of our own, because what is wanted is the text that a reader sees, of files that
nest without end: a command that is not known gives its arguments as text. Macros are not
expanded and other files not read; those that are named are told.
"""

import re
import unicodedata
from collections.abc import Callable

from ingest.document import BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.inline import one_line, words
from ingest.formats.outline import LINE_END, Outline
from ingest.formats.tables import markdown_table

_TOKEN = re.compile(
    r"\\(?P<command>[a-zA-Z@]+)\*?[ \t]*\n?[ \t]*|\\(?P<sign>.)|(?P<brace>[{}])|(?P<math>\$\$?)"
    r"|(?P<blank>\n[ \t]*\n\s*)|(?P<cell>&)|(?P<tie>~)|(?P<kept>\x02\d+\x02)"
    r"|(?P<text>[^\\{}$&~\n\x02]+|.)",
    re.DOTALL,
)
_COMMENT = re.compile(r"(?<!\\)((?:\\\\){0,9})%[^\n]*(?:\n[ \t]*(?=\S))?")
_LITERAL = re.compile(
    r"\\begin\{(verbatim\*?|Verbatim|lstlisting|minted|alltt|comment|equation\*?|align\*?|gather\*?"
    r"|multline\*?|eqnarray\*?|displaymath|math|alignat\*?|flalign\*?)\}"
    r"|\\(?:verb\*?|lstinline)([^\w\s{*\[])|\\([\[(])|(\$\$?)"
)
_CODES = words("verbatim verbatim* Verbatim lstlisting minted alltt")
_CLOSED_BY = {"[": r"\]", "(": r"\)"}
_FURTHEST = 20_000
"""Characters up to which the end of a formula or listing is looked for."""

_OPTIONS = re.compile(r"\s{0,20}\[[^\[\]]{0,400}\]")
_ARGUMENT = re.compile(r"\s{0,20}\{([^{}]{0,400})\}")

_LEVELS = {
    "part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5,
    "subparagraph": 6, "frametitle": 2, "title": 1,
}  # fmt: skip
_LISTS = words("itemize enumerate description compactitem compactenum")
_NUMBERED = words("enumerate compactenum")
_TABLES = {"tabular": 1, "tabularx": 2, "longtable": 1, "tabu": 1, "tabulary": 2, "tblr": 1}
"""With how many arguments their columns are described."""

_FILES = words("input include subfile lstinputlisting verbatiminput")
_DROPPED = {
    "label": 1, "vspace": 1, "hspace": 1, "pagestyle": 1, "thispagestyle": 1, "index": 1,
    "bibliographystyle": 1, "setcounter": 2, "addtocounter": 2, "setlength": 2, "addtolength": 2,
    "usepackage": 1, "newcommand": 2, "renewcommand": 2, "providecommand": 2, "hypersetup": 1,
    "includegraphics": 1, "bibliography": 1, "rule": 2, "cline": 1, "cmidrule": 1, "markboth": 2,
    "addcontentsline": 3, "color": 1, "textcolor": 1, "href": 1, "multicolumn": 2, "multirow": 2,
    "fontsize": 2, "definecolor": 3, "raisebox": 1, "resizebox": 2, "scalebox": 1, "parbox": 1,
    "newtheorem": 2, "documentclass": 1, "graphicspath": 1, "pagenumbering": 1, "linespread": 1,
}  # fmt: skip
"""Commands whose first arguments are no text, and how many."""

_OPENED_WITH = {"minipage": 1, "thebibliography": 1, "multicols": 1, "wrapfigure": 2, "CJK": 2}
_SAID = {
    "LaTeX": "LaTeX", "TeX": "TeX", "ldots": "…", "dots": "…", "textbackslash": "\\", "quad": " ",
    "qquad": " ", "textasciitilde": "~", "textbar": "|", "textless": "<", "textgreater": ">",
    "newline": LINE_END, "linebreak": LINE_END, "textbullet": "•", "ss": "ß", "ae": "æ", "o": "ø",
    "S": "§", "copyright": "©", "textregistered": "®", "texttrademark": "™", "euro": "€",
}  # fmt: skip
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303", "=": "\u0304",
}  # fmt: skip
_SPACES = frozenset(",;: \n")
_SILENT = frozenset("!-/@()[]")
_LONGEST_ARGUMENT = 500
_MOST_NAMED = 5


def parse(data: bytes, *, name: str) -> Parsed:
    """The text between the document's beginning and end; its title is the one it declares.

    Raises:
        ParseError: the bytes are not text.
    """
    decoded = decode(data)
    kept: list[tuple[BlockKind, str]] = []
    text = _COMMENT.sub(r"\1", _with_literals_kept(decoded.text.replace("\x02", ""), kept))
    before, begun, body = text.partition(r"\begin{document}")
    reader = _Reader(body.partition(r"\end{document}")[0] if begun else before, kept)
    reader.read()
    titled = _ARGUMENT.match(before, before.find(r"\title") + 6) if r"\title" in before else None
    title = one_line(titled.group(1).replace(r"\\", " ")) if titled else ""
    blocks = reader.outline.blocks()
    title = title or next((block.text for block in blocks if block.level), "")
    return Parsed(title or name, blocks, warnings=(*decoded.warnings, *reader.warnings()))


def _with_literals_kept(text: str, kept: list[tuple[BlockKind, str]]) -> str:
    """Put listings and formulas aside: in them, no sign means what it does in the text."""
    pieces: list[str] = []
    at = 0
    while (found := _LITERAL.search(text, at)) is not None:
        environment, verb, bracket, dollar = found.groups()
        line_start = text.rfind("\n", at, found.start()) + 1
        is_escaped = text[found.start() - 1 : found.start()] == "\\"
        is_comment = re.search(r"(?<!\\)%", text[max(line_start, at) : found.start()])
        closing = (
            rf"\end{{{environment}}}" if environment else verb or _CLOSED_BY.get(bracket) or dollar
        )
        end = text.find(closing, found.end(), found.end() + _FURTHEST)
        if is_escaped or is_comment or end < 0:
            pieces.append(text[at : found.end()])
            at = found.end()
            continue
        pieces += [text[at : found.start()], f"\x02{len(kept)}\x02"]
        inside, whole = text[found.end() : end], text[found.start() : end + len(closing)]
        at = end + len(closing)
        if environment in _CODES:
            kept.append((BlockKind.CODE, _OPTIONS.sub("", inside, count=1).strip("\n")))
        elif environment == "comment":
            kept.append((BlockKind.LIST, ""))
        elif verb:
            kept.append((BlockKind.LIST, inside))
        else:
            kept.append((BlockKind.LIST, one_line(whole)))
    return "".join([*pieces, text[at:]])


class _Reader:
    def __init__(self, text: str, kept: list[tuple[BlockKind, str]]) -> None:
        self.outline = Outline()
        self._text = text
        self._kept = kept
        self._at = 0
        self._groups: list[Callable[[], None] | None] = []
        self._buffers: list[list[str]] = []
        self._rows: list[list[str]] | None = None
        self._notes: list[str] = []
        self._noted = 0
        self._files: list[str] = []

    def read(self) -> None:
        """Read to the end."""
        while (token := _TOKEN.match(self._text, self._at)) is not None:
            self._at = token.end()
            kind = str(token.lastgroup)
            getattr(self, f"_read_{kind}")(token.group(kind))
        while self._groups:
            self._read_brace("}")
        self._end_table()
        self._end_paragraph()

    def warnings(self) -> tuple[str, ...]:
        """What was not read."""
        if not self._files:
            return ()
        more = len(self._files) - _MOST_NAMED
        named = ", ".join(self._files[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return (f"files named in it that were not read: {len(self._files)} ({named})",)

    def _write(self, text: str) -> None:
        if self._buffers:
            self._buffers[-1].append(text)
        elif self._rows is not None:
            self._rows[-1][-1] += text
        else:
            self.outline.write(text)

    def _end_paragraph(self) -> None:
        if self._buffers or self._rows is not None:
            self._write(" ")
            return
        self.outline.end_paragraph()
        notes, self._notes = self._notes, []
        for note in notes:
            self.outline.add(BlockKind.PARAGRAPH, note)

    def _read_text(self, text: str) -> None:
        self._write(text)

    def _read_blank(self, _: str) -> None:
        self._end_paragraph()

    def _read_tie(self, _: str) -> None:
        self._write(" ")

    def _read_math(self, sign: str) -> None:
        self._write(sign)

    def _read_kept(self, mark: str) -> None:
        kind, text = self._kept[int(mark.strip("\x02"))]
        if kind is BlockKind.CODE and not self._buffers and self._rows is None:
            self._end_paragraph()
            self.outline.add(kind, text)
        else:
            self._write(text)

    def _read_cell(self, sign: str) -> None:
        if self._rows is None or self._buffers:
            self._write(sign)
        else:
            self._rows[-1].append("")

    def _read_sign(self, sign: str) -> None:
        if sign == "\\":
            self._skip_options()
            if self._rows is not None and not self._buffers:
                self._rows.append([""])
            else:
                self._write(LINE_END)
        elif sign in _ACCENTS:
            self._read_accent(_ACCENTS[sign])
        elif sign not in _SILENT:
            self._write(" " if sign in _SPACES else sign)

    def _read_accent(self, mark: str) -> None:
        letter = re.compile(r"\{?\\?([A-Za-z])\}?").match(self._text, self._at)
        if letter:
            self._at = letter.end()
            self._write(unicodedata.normalize("NFC", letter.group(1) + mark))

    def _read_brace(self, brace: str) -> None:
        if brace == "{":
            self._groups.append(None)
        elif self._groups and (close := self._groups.pop()):
            close()

    def _read_command(self, name: str) -> None:
        if name in _SAID:
            self._write(_SAID[name])
        elif name in ("begin", "end"):
            argument = self._argument()
            (self._begin if name == "begin" else self._end)(argument.rstrip("*"))
        elif name in _LEVELS and not self._buffers:
            self._begin_heading(_LEVELS[name])
        elif name in ("footnote", "thanks", "footnotetext"):
            self._begin_note()
        elif name in ("item", "caption", "par"):
            self._part(name)
        elif name in _FILES:
            self._files.append(self._argument())
        elif name in _DROPPED:
            self._skip_arguments(_DROPPED[name])
        else:
            self._skip_options()

    def _part(self, name: str) -> None:
        """End a paragraph, and begin what the command says."""
        self._end_paragraph()
        if name == "item":
            self.outline.begin_item()
        elif name == "caption":
            self._skip_options()
            self._open(self._end_paragraph)

    def _begin_heading(self, level: int) -> None:
        self._skip_options()
        self._end_paragraph()
        if self._open(self.outline.end_heading):
            self.outline.begin_heading(level)

    def _begin_note(self) -> None:
        self._skip_options()
        if self._open(self._end_note):
            self._noted += 1
            self._write(f"[{self._noted}]")
            self._buffers.append([f"[{self._noted}] "])

    def _end_note(self) -> None:
        self._notes.append(one_line("".join(self._buffers.pop()).replace(LINE_END, " ")))

    def _begin(self, environment: str) -> None:
        if environment in _TABLES and self._rows is None:
            self._end_paragraph()
            self._skip_arguments(_TABLES[environment])
            self._rows = [[""]]
            return
        self._end_paragraph()
        if environment in _LISTS:
            self._skip_options()
            self.outline.begin_list(numbered_from=1 if environment in _NUMBERED else None)
        else:
            self._skip_arguments(_OPENED_WITH.get(environment, 0))

    def _end(self, environment: str) -> None:
        if environment in _TABLES:
            self._end_table()
            return
        self._end_paragraph()
        if environment in _LISTS:
            self.outline.end_list()

    def _end_table(self) -> None:
        rows, self._rows = self._rows or [], None
        self.outline.add(
            BlockKind.TABLE,
            markdown_table([[cell.replace(LINE_END, " ") for cell in row] for row in rows]),
        )

    def _open(self, close: Callable[[], None]) -> bool:
        """Begin the group that follows, and what is to be done at its end."""
        brace = re.compile(r"\s{0,20}\{").match(self._text, self._at)
        if brace is None:
            return False
        self._at = brace.end()
        self._groups.append(close)
        return True

    def _argument(self) -> str:
        found = _ARGUMENT.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return one_line(found.group(1))

    def _skip_options(self) -> None:
        if found := _OPTIONS.match(self._text, self._at):
            self._at = found.end()

    def _skip_arguments(self, count: int) -> None:
        """Pass over as many groups in braces, and options between them."""
        self._skip_options()
        for _ in range(count):
            found = re.compile(r"\s{0,20}\{").match(self._text, self._at)
            end = self._closing(found.end()) if found else 0
            if not end:
                return
            self._at = end
            self._skip_options()

    def _closing(self, at: int) -> int:
        """Past the brace that closes a group; 0 if it is not near."""
        depth = 1
        for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(
            self._text, at, at + _LONGEST_ARGUMENT
        ):
            depth += {"{": 1, "}": -1}.get(brace.group(), 0)
            if depth == 0:
                return brace.end()
        return 0
