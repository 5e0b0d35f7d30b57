"""What was asked, answered and thought of it: kept on this disk, each visitor's own.

One SQLite file (write-ahead log) for all visitors. A page that is restarted, or a browser
that is closed, finds its conversations again; nobody finds another's.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from kb_qa.errors import HistoryError
from ui.conversation import Turn

FILE = "history.sqlite"
VERSION = 1
APPLICATION_ID = 0x6B627170  # "kbqp" in SQLite's file header

_LONGEST_TITLE = 80
_BUSY_MILLISECONDS = 10_000

_TABLES = """
CREATE TABLE conversations (
    id      TEXT PRIMARY KEY,
    owner   TEXT NOT NULL,
    kb      TEXT NOT NULL,
    title   TEXT NOT NULL,
    began   TEXT NOT NULL,
    changed TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_by_owner ON conversations (owner, changed);

CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    ordinal      INTEGER NOT NULL,
    question     TEXT NOT NULL,
    answer       TEXT NOT NULL,
    turn         TEXT NOT NULL,
    PRIMARY KEY (conversation, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE feedback (
    conversation TEXT NOT NULL,
    ordinal      INTEGER NOT NULL,
    helpful      INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    given        TEXT NOT NULL,
    golden       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, ordinal),
    FOREIGN KEY (conversation, ordinal) REFERENCES turns ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
"""

_TURN: TypeAdapter[Turn] = TypeAdapter(Turn)


@dataclass(frozen=True)
class Entry:
    """A conversation in a list.

    Attributes:
        id: nobody can guess it.
        kb: the knowledge bases it is about, as the page names them.
        title: its first question, shortened.
        changed: when something was last asked in it: ISO 8601, UTC.
        turns: how many questions it has.
    """

    id: str
    kb: str
    title: str
    changed: str
    turns: int


@dataclass(frozen=True)
class Feedback:
    """What a visitor thought of an answer.

    Attributes:
        conversation: where it was given.
        ordinal: place of the turn in it, from 0.
        kb: the knowledge bases it is about.
        turn: the question and its answer.
        helpful: whether the answer helped.
        reason: why, in the visitor's words; may be empty.
        given: when: ISO 8601, UTC.
        golden: whether it became a question of the evaluation.
    """

    conversation: str
    ordinal: int
    kb: str
    turn: Turn
    helpful: bool
    reason: str
    given: str
    golden: bool


class History:
    """The conversations of all visitors, in one file.

    Safe to use from many threads and processes: each call is one transaction.

    Args:
        folder: where the file lies; made if it does not exist.

    Raises:
        HistoryError: the file cannot be read or written, or a newer version made it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(
                f"{folder}: {error.strerror}: set KB_QA_PAGE to a folder that can be written"
            ) from error
        with self._connected() as connection:
            self._prepare(connection)

    def begin(self, owner: str, *, kb: str) -> str:
        """A new conversation, empty; returns its id."""
        key, now = secrets.token_urlsafe(16), _now()
        with self._connected() as connection:
            connection.execute(
                "INSERT INTO conversations VALUES (?, ?, ?, '', ?, ?)", (key, owner, kb, now, now)
            )
        return key

    def keep(self, owner: str, conversation: str, turns: Sequence[Turn]) -> None:
        """Keep the turns of a conversation as they are now; one that is gone stays gone."""
        with self._connected() as connection:
            title = turns[0].question[:_LONGEST_TITLE] if turns else ""
            kept = connection.execute(
                "UPDATE conversations SET title = ?, changed = ? WHERE id = ? AND owner = ?",
                (title, _now(), conversation, owner),
            )
            if not kept.rowcount:
                return
            connection.execute(
                "DELETE FROM turns WHERE conversation = ? AND ordinal >= ?",
                (conversation, len(turns)),
            )
            connection.executemany(
                "INSERT INTO turns VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "question = excluded.question, answer = excluded.answer, turn = excluded.turn",
                [(conversation, n, *_row(turn)) for n, turn in enumerate(turns)],
            )

    def turns(self, owner: str, conversation: str, *, kb: str) -> list[Turn] | None:
        """The turns of a visitor's conversation, oldest first; None if there is none of theirs.

        Args:
            owner: the visitor.
            conversation: its id.
            kb: what it must be about.
        """
        with self._connected() as connection:
            found = connection.execute(
                "SELECT 1 FROM conversations WHERE id = ? AND owner = ? AND kb = ?",
                (conversation, owner, kb),
            )
            if found.fetchone() is None:
                return None
            rows = connection.execute(
                "SELECT turn FROM turns WHERE conversation = ? ORDER BY ordinal", (conversation,)
            )
            return [_TURN.validate_json(text) for (text,) in rows]

    def entries(self, owner: str, *, kb: str, matching: str = "", limit: int = 100) -> list[Entry]:
        """A visitor's conversations, the last first.

        Args:
            owner: the visitor.
            kb: only those about it.
            matching: only those with a question or an answer that holds this, whatever its case.
            limit: at most so many.
        """
        wanted = f"%{_escaped(matching.strip())}%"
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT id, kb, title, changed, count(ordinal) FROM conversations "
                "JOIN turns ON conversation = id WHERE owner = ? AND kb = ? AND id IN "
                "(SELECT conversation FROM turns WHERE question LIKE ? ESCAPE '\\' "
                "OR answer LIKE ? ESCAPE '\\') "
                "GROUP BY id ORDER BY changed DESC, id LIMIT ?",
                (owner, kb, wanted, wanted, limit),
            )
            return [Entry(*row) for row in rows]

    def rename(self, kb: str, *, to: str) -> None:
        """Follow a knowledge base that has another name now: everybody's conversations do."""
        with self._connected() as connection:
            connection.execute("UPDATE conversations SET kb = ? WHERE kb = ?", (to, kb))

    def forget(self, owner: str, conversation: str) -> None:
        """Remove a visitor's conversation, and what was thought of its answers."""
        with self._connected() as connection:
            connection.execute(
                "DELETE FROM conversations WHERE id = ? AND owner = ?", (conversation, owner)
            )

    def rate(
        self, owner: str, conversation: str, ordinal: int, *, helpful: bool | None, reason: str = ""
    ) -> None:
        """Keep what a visitor thinks of an answer of theirs; None takes it back."""
        with self._connected() as connection:
            if not self._is_theirs(connection, owner, conversation):
                return
            place = (conversation, ordinal)
            if helpful is None:
                connection.execute(
                    "DELETE FROM feedback WHERE conversation = ? AND ordinal = ?", place
                )
                return
            connection.execute(
                "INSERT INTO feedback SELECT conversation, ordinal, ?, ?, ?, 0 FROM turns "
                "WHERE conversation = ? AND ordinal = ? ON CONFLICT DO UPDATE SET "
                "helpful = excluded.helpful, reason = excluded.reason, given = excluded.given",
                (helpful, reason.strip(), _now(), *place),
            )

    def rating(self, conversation: str, ordinal: int) -> tuple[bool, str] | None:
        """Whether an answer helped, and why; None if nobody said."""
        with self._connected() as connection:
            row = connection.execute(
                "SELECT helpful, reason FROM feedback WHERE conversation = ? AND ordinal = ?",
                (conversation, ordinal),
            ).fetchone()
        return (bool(row[0]), row[1]) if row else None

    def feedback(self, owner: str | None = None, *, limit: int = 200) -> list[Feedback]:
        """What was thought of answers, the last first: a visitor's, or everybody's."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT feedback.conversation, feedback.ordinal, kb, turn, helpful, reason, given, "
                "golden FROM feedback JOIN turns USING (conversation, ordinal) "
                "JOIN conversations ON id = feedback.conversation "
                "WHERE ? IS NULL OR owner = ? ORDER BY given DESC LIMIT ?",
                (owner, owner, limit),
            )
            return [
                Feedback(key, n, kb, _TURN.validate_json(turn), bool(helpful), why, at, bool(gold))
                for key, n, kb, turn, helpful, why, at, gold in rows
            ]

    def mark_golden(self, conversation: str, ordinal: int) -> None:
        """Say that an answer's question has become one of the evaluation."""
        with self._connected() as connection:
            connection.execute(
                "UPDATE feedback SET golden = 1 WHERE conversation = ? AND ordinal = ?",
                (conversation, ordinal),
            )

    def _is_theirs(self, connection: sqlite3.Connection, owner: str, conversation: str) -> bool:
        found = connection.execute(
            "SELECT 1 FROM conversations WHERE id = ? AND owner = ?", (conversation, owner)
        )
        return found.fetchone() is not None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == VERSION:
            return
        if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise HistoryError(
                f"{self._file} has format {version}, this program knows {VERSION}: "
                "upgrade kb-qa, or set KB_QA_PAGE to another folder"
            )
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES}"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction.

        Raises:
            HistoryError: the file cannot be read or written.
        """
        try:
            with closing(sqlite3.connect(self._file, isolation_level="IMMEDIATE")) as connection:
                connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA foreign_keys = ON")
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise HistoryError(
                f"{self._file}: {error}: free the disk or mend its rights, "
                "or set KB_QA_PAGE to another folder"
            ) from error


def _row(turn: Turn) -> tuple[str, str, str]:
    answer = turn.answer.text if turn.answer else turn.written
    return turn.question, answer, _TURN.dump_json(turn).decode()


def _escaped(text: str) -> str:
    """A text as LIKE takes it word for word."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
