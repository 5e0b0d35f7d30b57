"""Text of others as it stands in a prompt: nothing in it can pass for the prompt's own.

What a person is shown, and what is cited, is never changed; only the model reads this. Words
stay as they are: a document may say what it likes, and is told of by the ingest. What goes is
what is no word: boundaries, control tokens, section labels, numbers that read as citations.
"""

import re
from collections.abc import Iterator

from kb_qa.citations import bracketed_numbers
from kb_qa.lookalikes import folded, seen

_Edit = tuple[int, int, str]
"""From where to where, and what is put there."""

_BOUNDARY = re.compile(r"[<﹤](?=[\W_]{0,40}(?:passage|turn))", re.IGNORECASE)
"""What a boundary of ours begins with."""

_CONTROL = re.compile(
    r"<(?=\s?\||/?s>|</?sys>>|(?:start|end)_of_turn>|/?tool_(?:call|response)>"
    r"|/?(?:bos|eos|pad|unk|sop|eop)>|(?:reserved)?_\w{1,9}>"
    r"|/?(?:system|assistant|human|instructions?)>)"
    r"|\[(?=/?inst\]|gmask\]|\|(?:human|ai|system)\|\])",
    re.IGNORECASE,
)
"""What the control tokens of common chat formats begin with; a server may obey them in a text."""

_HARMLESS = {"<": "‹", "﹤": "‹", "[": "［"}

_SECTIONS = (
    r"(?:helpful\ |final\ |last\ )?(?:question|answer)|instructions?|response|system\ prompt"
    r"|(?:最后的)?(?:问题|問題)|回答|答案|指令|系统提示词?|系統提示詞?"
)
_TURNS = r"system|user|human|assistant|ai|bot|model|系统|系統|用户|用戶|人类|人類|助手|助理"
_LABEL = re.compile(
    r"^[ \t]{0,12}[>#*_`\[(【（|]{0,6}[ \t]{0,3}"
    rf"(?:(?P<section>{_SECTIONS})|(?P<turn>{_TURNS}))"
    r"[ \t]{0,3}[*_`\])】）|]{0,6}[ \t]{0,3}[:：]",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
"""What opens a section of a prompt or a turn of a conversation."""

_CODE = re.compile(r"[=;{}`]|\w\(|->|::")
"""What a line of code has; [1] is no citation there."""

_ADDRESS = re.compile(r"https?://\S+")


def harmless(text: str) -> str:
    """Text in which nothing closes a boundary, opens one, or reads as a control token.

    Args:
        text: of a person who asks; it may name sections and passages.
    """
    text = seen(text)
    return _edited(text, _signs(folded(text)))


def quoted(text: str, *, passages: int = 0) -> str:
    """Text that is only quoted in a prompt: `harmless`, without sections or citations of its own.

    Args:
        text: of a document, or of an answer.
        passages: how many the prompt has; only their numbers read as citations.
    """
    text = seen(text)
    plain = folded(text)
    return uncited(_edited(text, [*_signs(plain), *_labels(plain)]), passages=passages)


def uncited(text: str, *, passages: int) -> str:
    """Text whose own reference numbers stand in round brackets: they are no citations of ours.

    Args:
        text: of a document.
        passages: how many can be cited; other numbers stay, and so do lines of code.
    """
    return "".join(_uncited(line, passages) for line in text.splitlines(keepends=True))


def _signs(text: str) -> list[_Edit]:
    """What begins a boundary or a control token becomes a sign that begins neither."""
    matches = (*_BOUNDARY.finditer(text), *_CONTROL.finditer(text))
    return sorted({(each.start(), each.end(), _HARMLESS[each[0]]) for each in matches})


def _labels(text: str) -> Iterator[_Edit]:
    """A section's label, and those of a conversation of two sides, stand behind a quotation mark.

    One `user:` alone is a setting in a file, or a form to fill in.
    """
    labels = list(_LABEL.finditer(text))
    is_conversation = len({each[0].strip().lower() for each in labels}) > 1
    for each in labels:
        if each["section"] or is_conversation:
            yield each.start(), each.start(), "> "


def _uncited(line: str, passages: int) -> str:
    """A line of prose with its own reference numbers in round brackets."""
    if _CODE.search(_ADDRESS.sub("", line)):
        return line
    return _edited(
        line,
        [
            (start, end, f"({line[start + 1 : end - 1]})")
            for start, end, numbers in bracketed_numbers(line)
            if min(numbers) <= passages
        ],
    )


def _edited(text: str, edits: list[_Edit]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end, instead in sorted(edits):
        pieces += text[done:start], instead
        done = end
    return "".join(pieces) + text[done:]
