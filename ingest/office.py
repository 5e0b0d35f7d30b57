"""LibreOffice, where it is installed: a file of an old format in, one of today's out.

It runs in a process group of its own, with an empty profile and a folder that goes when
it ends; `ingest.office_worker` takes network, memory and time from it first. Old Office
formats are the one kind of file that no kept library reads, and the programs that read
them cannot be held in a parser's sandbox.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from kb_qa.errors import ParseError

TARGETS = {".doc": "docx", ".ppt": "pptx", ".xls": "xlsx"}
"""By suffix, what a file is converted to."""

PROGRAM_VARIABLE = "KB_QA_SOFFICE"
"""Environment variable with the path of the program, where it is not on the PATH as soffice."""

_MEMORY = 3 << 30
"""Bytes of address space; an empty program takes less than one."""

_LARGEST_RESULT = 256 << 20
_KILLED = 128
"""Exit codes above this stand for a signal, for shells and for the worker."""

_FAILURE = "Error: "
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONPATH")
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
{items}</oor:items>
"""
_ITEM = """<item oor:path="/org.openoffice.Office.{path}"><prop oor:name="{name}" oor:op="fuse">
<value>{value}</value></prop></item>
"""
_SAFE = (
    ("Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Common/Security/Scripting", "DisableActiveContent", "true"),
    ("Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Writer/Content/Update", "Link", "0"),
    ("Calc/Content/Update", "Link", "0"),
    ("Common/Misc", "UseOpenCL", "false"),
    ("Java/VirtualMachine", "ooSetupEnableJava", "false"),
)
"""Settings: no macros, nothing fetched that a document links to."""


def is_available() -> bool:
    """Whether LibreOffice is installed here."""
    return _program() is not None


def convert(path: Path, *, target: str, seconds: float) -> bytes:
    """A file as LibreOffice saves it in another format.

    Args:
        path: of the file; it is copied, and nothing is written beside it.
        target: the suffix of the format, such as "docx".
        seconds: after which LibreOffice is killed with all that it started.

    Raises:
        ParseError: LibreOffice is not here, cannot read the file, or is late.
    """
    program = _program()
    if program is None:
        raise ParseError(
            "LibreOffice is not installed here (Debian: apt install libreoffice-nogui)"
        )
    with tempfile.TemporaryDirectory(prefix="kb-qa-office-", ignore_cleanup_errors=True) as folder:
        return _converted(path, program, Path(folder), target=target, seconds=seconds)


def _program() -> str | None:
    return shutil.which(os.environ.get(PROGRAM_VARIABLE) or "soffice")


def _converted(path: Path, program: str, folder: Path, *, target: str, seconds: float) -> bytes:
    source = folder / f"document{path.suffix.lower()}"
    try:
        shutil.copyfile(path, source)
    except OSError as error:
        raise ParseError(f"cannot be read: {error.strerror}") from error
    _write_profile(folder)
    said = _run(_command(program, source, folder, target), folder, seconds=seconds)
    result = folder / "converted" / f"document.{target}"
    if not result.is_file():
        raise ParseError(f"LibreOffice cannot read it{said}")
    if result.stat().st_size > _LARGEST_RESULT:
        raise ParseError(f"LibreOffice makes more than {_LARGEST_RESULT >> 20} MiB of it")
    return result.read_bytes()


def _write_profile(folder: Path) -> None:
    profile = folder / "profile" / "user"
    profile.mkdir(parents=True)
    items = "".join(_ITEM.format(path=path, name=name, value=value) for path, name, value in _SAFE)
    (profile / "registrymodifications.xcu").write_text(_PROFILE.format(items=items))


def _command(program: str, source: Path, folder: Path, target: str) -> list[str]:
    options = ["--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo"]
    return [
        program,
        f"-env:UserInstallation={(folder / 'profile').as_uri()}",
        *options,
        "--convert-to",
        target,
        "--outdir",
        str(folder / "converted"),
        str(source),
    ]


def _run(command: list[str], folder: Path, *, seconds: float) -> str:
    """Run LibreOffice to its end; what it says of a failure, after a colon."""
    worker = [sys.executable, "-P", "-m", "ingest.office_worker", str(_MEMORY), str(seconds)]
    with (folder / "said").open("w+b") as output:
        process = subprocess.Popen(  # noqa: S603 -- our own module, no shell
            [*worker, *command],
            stdin=subprocess.PIPE,  # it ends when this process does
            stdout=output,
            stderr=output,
            cwd=folder,
            env=_environment(folder),
            process_group=0,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ParseError(f"LibreOffice took longer than {seconds:g} s") from None
        finally:
            _kill(process)
        if code > _KILLED or code < 0:
            raise ParseError(f"LibreOffice crashed on it (signal {abs(code) % _KILLED})")
        output.seek(0)
        return _failure(output.read(1 << 16).decode("utf-8", "replace"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _failure(said: str) -> str:
    errors = [line.removeprefix(_FAILURE) for line in said.split("\n") if line.startswith(_FAILURE)]
    return f": {errors[-1].strip()}" if errors else ""


def _environment(folder: Path) -> dict[str, str]:
    """Next to nothing of ours: no display, no proxies, no home."""
    here = str(Path(__file__).resolve().parents[1])
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = [here, *filter(None, [passed.get("PYTHONPATH")])]
    return passed | {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
        "PYTHONPATH": os.pathsep.join(paths),
    }
