"""python -m ui.run_job FOLDER MODULE [ARGUMENT ...]: run a module, keep how it ended.

The lock that says that the job runs is inherited, held by nothing else, and freed by the
system whatever this process dies of.
"""

import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from ui.jobs import EXIT


def main(folder: Path, command: list[str]) -> int:
    """Run until it ends; a SIGTERM for us is a Ctrl-C for it."""
    # A page that was started in the background of a script ignores Ctrl-C, and so would the job.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen([sys.executable, "-m", *command])  # noqa: S603 -- our own modules

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        process.send_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, interrupt)
    code = process.wait()
    kept = folder / f"{EXIT}.new"
    kept.write_text(str(code), "utf-8")
    kept.replace(folder / EXIT)
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
