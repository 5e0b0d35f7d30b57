"""Source code and settings: listings cut where a reader would, each under what it defines.

No grammar is read. A definition is known by its first line at the left margin, or one step
in; a listing ends at a blank line that a line at the margin follows. So a file in a language
that is not known here, or is broken, is still cut well, and its every line is kept.
"""

import re
from collections.abc import Iterator, Sequence

from ingest.document import BlockKind, Parsed
from ingest.encoding import decode
from ingest.formats.outline import Outline

_ADJECTIVES = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|async"
    r"|pub(?:\([\w:\s]+\))?|unsafe|extern|virtual|override|open|data|partial|inline|local|declare"
    r"|const|case|suspend|implicit|lazy|fileprivate|mutating|readonly|synchronized|typedef|template"
    r"|final)\s+)*"
)
_NOUNS = (
    "def|class|function|func|fn|fun|interface|enum|struct|trait|impl|module|namespace|object|record"
    "|protocol|extension|type|sub|union|mod|macro_rules!|actor|operator"
)
_NEVER_TYPES = (
    "if|for|while|switch|return|else|elif|await|yield|throw|raise|new|delete|echo|print|assert|case"
    "|catch|with|from|import|include|using|do|in|not|and|or|goto|until|unless|when|foreach|elsif"
)
_NAMED = re.compile(rf"{_ADJECTIVES}(?:{_NOUNS})[\s(<*&]\s*[\w$(<*&@]|impl\b")
_ASSIGNED = re.compile(
    r"(?:export\s+)?(?:default\s+)?(?:(?:const|let|var|local|my)\s+)?[\w$.]+(?:\s*:\s*[^=]{1,80})?\s*"
    r"(?:=|<-|:=)\s*(?:async\s+)?(?:function\b|\([^()]{0,200}\)(?:\s*:\s*[^=]{1,60})?\s*=>|[\w$]+\s*=>"
    r"|React\.memo|class\b|lambda\b)"
)
_TYPED = re.compile(
    rf"(?!(?:{_NEVER_TYPES})\b)(?:[A-Za-z_][\w:.<>,\[\]?~]*[\s*&]+){{1,6}}[*&~]?[A-Za-z_~][\w:~]*\s*"
    r"\([^;={}]*(?:\)[^;={}]*\{?|,)\s*\Z"
)
_SHELL = re.compile(r"[\w:.-]+\s*\(\s*\)\s*\{?\s*\Z")
_SQL = re.compile(
    r"create\s+(?:(?:or\s+replace|temporary|temp|unique|materialized|if\s+not\s+exists)\s+){0,3}"
    r"(?:table|view|function|procedure|trigger|index|type|schema|database|sequence)\s+\S",
    re.IGNORECASE,
)
_LABEL = re.compile(r":[A-Za-z]\w*\s*\Z")
_PROGRAM = (_NAMED, _ASSIGNED, _TYPED, _SHELL, _SQL, _LABEL)
_METHOD = re.compile(
    rf"(?: {{2,4}}|\t){_ADJECTIVES}(?:(?:{_NOUNS})\s+[\w$(]|constructor\s*\()"
    r"|(?: {2,4}|\t)(?:public|private|protected|internal|static|override|virtual|abstract)\s"
    r"[^=;{}]*\([^;={}]*(?:\)[^;={}]*\{?|,)\s*\Z"
)
_SECTION = (re.compile(r"\[{1,2}[^\]]+\]{1,2}\s*(?:[#;].*)?\Z"),)
_KEY = (re.compile(r"[\w.\"'/$-][^:#{}\[\]]*:\s*(?:[&!]\S+|[|>][+-]?\d?)?\s*(?:#.*)?\Z"),)
_TARGET = (re.compile(r"[\w./%$(][^=#:]*::?(?!=)(?:\s|\Z)"),)

_COMMENT = re.compile(r"#|//|/\*|\*|--|;|'|\"{3}|%|<!--|@|REM\b|rem\b|::")
_CLOSES = re.compile(r"[})\]]|end\b|fi\b|done\b|esac\b|#\s*(?:endif|else|elif)\b|\?>|</|EOF\b")

_LONGEST_LINE_JUDGED = 300
_LONGEST_HEADING = 120


def parse(data: bytes, *, name: str) -> Parsed:
    """A program in any language: classes, functions and tables are headings over their code.

    Raises:
        ParseError: the bytes are not text.
    """
    return _parse(data, name, _PROGRAM)


def parse_settings(data: bytes, *, name: str) -> Parsed:
    """Settings whose sections stand in brackets.

    Raises:
        ParseError: the bytes are not text.
    """
    return _parse(data, name, _SECTION)


def parse_yaml(data: bytes, *, name: str) -> Parsed:
    """YAML: its keys at the margin that hold others are headings.

    Raises:
        ParseError: the bytes are not text.
    """
    return _parse(data, name, _KEY)


def parse_makefile(data: bytes, *, name: str) -> Parsed:
    """A makefile: its targets are headings.

    Raises:
        ParseError: the bytes are not text.
    """
    return _parse(data, name, _TARGET)


def _parse(data: bytes, name: str, definitions: Sequence[re.Pattern[str]]) -> Parsed:
    decoded = decode(data)
    outline = Outline()
    is_within = False
    for group in _groups(decoded.text.split("\n"), definitions):
        level, heading = _heading(group, definitions)
        if heading:
            outline.add(BlockKind.HEADING, heading, level=level)
        elif is_within and (first := _statement(group)):
            outline.add(BlockKind.HEADING, first, level=1)
        is_within = bool(heading) or is_within
        outline.add(BlockKind.CODE, "\n".join(group))
    return Parsed(name, outline.blocks(), warnings=decoded.warnings)


def _groups(lines: Sequence[str], definitions: Sequence[re.Pattern[str]]) -> Iterator[list[str]]:
    """The lines in listings; comments go with what they stand above."""
    group: list[str] = []
    after_blank = False
    for line in lines:
        if not line.strip():
            after_blank = True
            group.append("")
            continue
        begins = after_blank and not line[0].isspace() and not _CLOSES.match(line)
        if (begins or _level(line, definitions)) and not _is_prelude(group):
            above = _comments_above(group)
            yield _trimmed(group[: len(group) - above])
            group = group[len(group) - above :]
        group.append(line.rstrip())
        after_blank = False
    yield _trimmed(group)


def _trimmed(group: Sequence[str]) -> list[str]:
    stop = len(group)
    while stop and not group[stop - 1]:
        stop -= 1
    return list(group[:stop])


def _is_prelude(group: Sequence[str]) -> bool:
    """Whether a listing holds only comments yet."""
    return all(not line or _COMMENT.match(line.lstrip()) for line in group)


def _comments_above(group: Sequence[str]) -> int:
    """How many lines at a listing's end are comments on, or decorate, what follows."""
    count = 0
    for line in reversed(group):
        if not line or not _COMMENT.match(line.lstrip()):
            break
        count += 1
    return count


def _level(line: str, definitions: Sequence[re.Pattern[str]]) -> int:
    """1 for a definition at the margin, 2 for one within another, 0 for any other line."""
    line = line[:_LONGEST_LINE_JUDGED]
    if line[:1].isspace():
        return 2 if definitions is _PROGRAM and _METHOD.match(line) else 0
    return int(any(pattern.match(line) for pattern in definitions))


def _heading(group: Sequence[str], definitions: Sequence[re.Pattern[str]]) -> tuple[int, str]:
    for line in group:
        if not line or _COMMENT.match(line.lstrip()):
            continue
        level = _level(line, definitions)
        return (level, _shown(line)) if level else (0, "")
    return 0, ""


def _statement(group: Sequence[str]) -> str:
    """The first line at the margin of what is no definition, so that it stands under its own."""
    for line in group:
        if line and not line[0].isspace() and not _COMMENT.match(line):
            return "" if _CLOSES.match(line) else _shown(line)
    return ""


def _shown(line: str) -> str:
    text = " ".join(line[:_LONGEST_LINE_JUDGED].split())
    text = text.rstrip(" {([:=") or text
    return text if len(text) <= _LONGEST_HEADING else text[:_LONGEST_HEADING] + "…"
