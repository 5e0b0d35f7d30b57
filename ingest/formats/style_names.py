"""What a paragraph style's name says, in the languages that office programs speak here."""

import re
from dataclasses import dataclass

_HEADING = re.compile(
    r"(?:heading|标题|標題|見出し|überschrift|título|titre|titolo|заголовок)\s*([1-9])",
    re.IGNORECASE,
)
_TITLES = frozenset({"title", "标题", "標題", "表題", "titel", "título", "titre"})
_CODE = re.compile(r".*(?:source code|preformatted|代码|代碼).*|code", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|contents|目录|目錄)\s*(?:[1-9]|heading)", re.IGNORECASE)


@dataclass(frozen=True)
class StyleName:
    """A style by its name alone.

    Attributes:
        level: of the headings set in it; 0 if it is for no headings.
        is_title: whether it is for the document's title.
        is_contents: whether it is for lines of a table of contents.
        is_code: whether it is for listings.
    """

    level: int = 0
    is_title: bool = False
    is_contents: bool = False
    is_code: bool = False


def style_named(name: str) -> StyleName:
    """What a style's name says; the name may be the one shown or the one stored."""
    heading = _HEADING.fullmatch(name)
    is_title = name.lower() in _TITLES
    return StyleName(
        int(heading.group(1)) if heading else int(is_title),
        is_title=is_title,
        is_contents=bool(_CONTENTS.match(name)),
        is_code=bool(_CODE.fullmatch(name)),
    )
