"""Rows of a Markdown table, and the header row that says what they mean."""


def is_row(text: str) -> bool:
    """Whether a line is a row of a Markdown table."""
    return text.lstrip().startswith("|")


def header_of(text: str, start: int) -> str:
    """The header row of the table whose row begins at `start`; empty if that row is the first.

    A passage may begin amid a table; its context holds the header then.
    """
    if not is_row(text[start:]):
        return ""
    lines = text[:start].splitlines()
    rows = 0
    while rows < len(lines) and is_row(lines[-1 - rows]):
        rows += 1
    return lines[-rows].strip() if rows else ""


def is_header(text: str, start: int) -> bool:
    """Whether the row that begins at `start` is a table's header, with its rule below."""
    _, _, rest = text[start:].partition("\n")
    following = rest.partition("\n")[0].strip()
    return is_row(text[start:]) and "-" in following and not following.strip("|-: ")
