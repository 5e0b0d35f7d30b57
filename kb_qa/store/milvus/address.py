"""Where a Milvus is, and the name that a knowledge base has in it."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from kb_qa.errors import SettingsError

_NAME = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)
_DEFAULT_NAME = "kb_qa"


@dataclass(frozen=True)
class Address:
    """A knowledge base in a Milvus.

    Attributes:
        uri: a file of Milvus Lite, or a server without user and password.
        name: with which the names of its collections begin.
        user: who asks; empty where nobody must say.
        password: the user's.
    """

    uri: str
    name: str = _DEFAULT_NAME
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Address":
        """FILE.db or http(s)://USER:PASSWORD@HOST:PORT, with #NAME if wanted.

        Raises:
            SettingsError: it is neither.
        """
        uri, _, name = text.partition("#")
        name = name or _DEFAULT_NAME
        if not _NAME.fullmatch(name):
            raise _wrong(f"{name!r} is no name: use letters, digits and _")
        if uri.endswith(".db") and "://" not in uri:
            return cls(uri, name)
        parts = _split(uri)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(f"{parts.scheme}://{host}{port}", name, user, password)

    @property
    def is_file(self) -> bool:
        """Whether it is Milvus Lite's."""
        return "://" not in self.uri

    def __str__(self) -> str:
        return f"{self.uri}#{self.name}"


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # which only now is looked at
    except ValueError as error:
        raise _wrong(str(error)) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _wrong("it is no FILE.db and no http(s)://HOST:PORT")
    return parts


def _wrong(reason: str) -> SettingsError:
    """Without the value: it may hold a password."""
    return SettingsError(
        f"KB_QA_STORE=milvus:...: {reason}; set `milvus:FILE.db` or "
        "`milvus:http://USER:PASSWORD@HOST:PORT`, with `#NAME` if wanted"
    )
