"""Where models come from: ModelScope, or anything that lists and fetches files."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from kb_qa.errors import CheckpointError
from kb_qa.xverse.disk import GIGABYTE, Tell, gigabytes

if TYPE_CHECKING:
    from modelscope_hub import HubApi

# A shard has 2 GB; at the library's one hour a line slower than 0.6 MB/s would never end one.
SECONDS_A_FILE = 24 * 3600
SECONDS_BETWEEN_LINES = 10.0
NAMED = 3
TIMEOUT = "MODELSCOPE_DOWNLOAD_TOTAL_TIMEOUT"


@dataclass(frozen=True)
class RemoteFile:
    """A file that a hub has of a model."""

    name: str
    bytes: int


class Hub(Protocol):
    """What lists and fetches the files of a model."""

    def files(self, model: str, *, revision: str | None) -> list[RemoteFile]:
        """The files of a model in a revision; `CheckpointError` if the hub has it not."""
        ...

    def fetch(
        self,
        model: str,
        names: Sequence[str],
        *,
        revision: str | None,
        folder: Path,
        tell: Tell,
    ) -> None:
        """Bring files into a folder, going on with those half there.

        Files that are not complete have other names than the files themselves.
        """
        ...


class ModelScope:
    """The hub at ModelScope, by its own client.

    Args:
        endpoint: the site's address; by default the one that has the model, the Chinese one first.
    """

    def __init__(self, *, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def files(self, model: str, *, revision: str | None) -> list[RemoteFile]:
        """The files of a model in a revision."""
        try:
            listed = self._client(model).list_repo_files(model, "model", revision=revision)
        except _failures() as error:
            raise CheckpointError(_told(model, revision, error)) from error
        return [RemoteFile(each.path, each.size) for each in listed if not each.is_dir]

    def fetch(
        self,
        model: str,
        names: Sequence[str],
        *,
        revision: str | None,
        folder: Path,
        tell: Tell,
    ) -> None:
        """Bring files into a folder, going on with those half there."""
        try:
            self._client(model).download_repo(
                model,
                "model",
                revision=revision,
                local_dir=folder,
                allow_patterns=list(names),
                progress_callbacks=None if sys.stderr.isatty() else [_lines(tell)],
            )
        except _failures() as error:
            raise CheckpointError(_told(model, revision, error)) from error

    def _client(self, model: str) -> "HubApi":
        """ModelScope's client, imported when something is to be downloaded."""
        os.environ.setdefault(TIMEOUT, str(SECONDS_A_FILE))  # read when it is imported
        from modelscope_hub import HubApi

        client = HubApi(endpoint=self._endpoint)
        return HubApi(endpoint=client.resolve_endpoint_for_read(model, repo_type="model"))


def _failures() -> tuple[type[Exception], ...]:
    from modelscope_hub import HubError

    return (HubError, OSError)


def _told(model: str, revision: str | None, error: Exception) -> str:
    named = model + (f" in revision {revision}" if revision else "")
    failed: dict[str, Exception] = getattr(error, "failed_files", None) or {}
    causes = [f"{name}: {_first_line(cause)}" for name, cause in failed.items()][:NAMED]
    reason = "; ".join(causes) or _first_line(error)
    return (
        f"{named} could not be fetched from ModelScope ({reason}): "
        "run the command again, it goes on where it was; or name a folder that holds the model"
    )


def _first_line(error: Exception) -> str:
    """What an error says, without the server's page below it."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _lines(tell: Tell) -> Any:
    """A class of ModelScope's progress callbacks that tells lines now and then."""
    from modelscope_hub import ProgressCallback

    shared = _Progress(tell)

    class Lines(ProgressCallback):
        def update(self, size: int) -> None:
            shared.add(self.filename, size, of=self.file_size)

    return Lines


class _Progress:
    """Bytes that came, told every few seconds; the files come in several threads."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._lock = tell, Lock()
        self._got: dict[str, int] = {}
        self._began = self._told = time.monotonic()

    def add(self, name: str, size: int, *, of: int) -> None:
        with self._lock:
            self._got[name] = self._got.get(name, 0) + size
            now = time.monotonic()
            if now - self._told < SECONDS_BETWEEN_LINES:
                return
            self._told = now
            whole = sum(self._got.values())
            rate = whole / (now - self._began) / GIGABYTE * 1000
            self._tell(
                f"{gigabytes(whole)} so far, {rate:.1f} MB/s "
                f"({name}: {gigabytes(self._got[name])} of {gigabytes(of)})"
            )
