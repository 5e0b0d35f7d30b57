"""What the readers of this machine can do: it changes with what is installed."""

from dataclasses import dataclass
from functools import cache

from ingest import ocr, office
from kb_qa import __version__


@dataclass(frozen=True)
class Abilities:
    """What a run can read, beyond what all runs can.

    Attributes:
        version: of this program.
        ocr: name and version of what reads pictures; empty if nothing does.
        office: whether there is LibreOffice, for the formats that it alone reads.
    """

    version: str = __version__
    ocr: str = ""
    office: bool = False

    def refusal(self, stamp: str) -> str:
        """What stands for a file that these could not read: others may read it."""
        parts = (stamp, self.version, self.ocr, "office" if self.office else "")
        return " ".join(filter(None, parts))


@cache
def abilities() -> Abilities:
    """Those of this machine."""
    return Abilities(ocr=ocr.engine(), office=office.is_available())
