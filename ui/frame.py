"""What every view is given: who is here, what is asked about, and what lasts."""

from dataclasses import dataclass
from pathlib import Path

from ui.engine import Engine
from ui.history import History
from ui.jobs import Jobs
from ui.messages import Language
from ui.visitor import Visitor

HISTORY_FOLDER, JOBS_FOLDER, UPLOADS_FOLDER = ".", "jobs", "uploads"


@dataclass(frozen=True)
class Frame:
    """One run of the page's script.

    Attributes:
        engine: what answers.
        visitor: who is here.
        language: of the page.
        kb: folder of the knowledge base that was chosen.
        history: the conversations.
        jobs: the work in the background.
        uploads: folder for files that visitors bring.
        beside: folders of further knowledge bases that are asked with it.
    """

    engine: Engine
    visitor: Visitor
    language: Language
    kb: Path
    history: History
    jobs: Jobs
    uploads: Path
    beside: tuple[Path, ...] = ()
