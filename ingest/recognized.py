"""What OCR has read, kept by what a page looks like: no page is read twice.

A file a page, written as soon as the page is read: a run that is killed has lost the
page it was at.
"""

from pathlib import Path

from ingest import wire
from ingest.task import Reading
from kb_qa.store.files import write_whole

RECOGNIZED = "ocr"
"""The folder's name in the knowledge base's."""


class RecognizedPages:
    """The pages read so far, in a folder of the knowledge base.

    Args:
        folder: made when a first page is put.
        engine: the name and version of what reads; what another one read is not used.
    """

    def __init__(self, folder: Path, *, engine: str) -> None:
        self._folder = folder / engine

    def get(self, page: str) -> Reading | None:
        """What was read on a page of this digest; None if it was not, or is damaged."""
        try:
            answer = wire.decode(self._file(page).read_bytes())
        except OSError:
            return None
        return answer if isinstance(answer, Reading) else None

    def put(self, page: str, reading: Reading) -> None:
        """Keep what was read."""
        file = self._file(page)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, wire.encode(reading))

    def _file(self, page: str) -> Path:
        return self._folder / page[:2] / f"{page}.json"
