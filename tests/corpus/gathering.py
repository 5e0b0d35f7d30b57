"""Real documents: Debian's documentation packages, and what LibreOffice makes of them."""

import gzip
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pptx

PACKAGES = (
    "debian-policy developers-reference debian-faq debian-reference-zh-cn maint-guide-zh-cn "
    "maint-guide-zh-tw harden-doc python3.11-doc libpython3.11-testsuite docutils-doc "
    "python-ipython-doc python3-nbconvert gnuplot-doc git-doc bash-doc texlive-lang-cjk "
    "libspreadsheet-parseexcel-perl gnumeric-doc python-markdown-doc pandoc-data ruby-mail"
).split()

_LARGEST = 400_000
_SMALLEST = 300

DRAWN = {
    ".html": 60, ".txt": 40, ".pdf": 12, ".epub": 2, ".xml": 25, ".md": 12, ".tex": 12, ".xls": 8,
    ".json": 8, ".py": 20, ".pm": 8, ".rb": 10, ".yaml": 6, ".js": 5, ".css": 5, ".sh": 4, ".c": 2,
}  # fmt: skip
"""Files of the packages by suffix, at most."""

_FROM_PAGES = ("odt", "docx", "rtf", "doc", "epub")
_FROM_SHEETS = ("xlsx", "ods", "csv")
_FROM_SLIDES = ("odp", "ppt")
_PAGES_CONVERTED, _SLIDES = 12, 6
_SECONDS = 600


@dataclass(frozen=True)
class Corpus:
    """Where the documents are.

    Attributes:
        folder: one folder a suffix.
        words: words that stand in a document, where it was made of known ones, by path.
    """

    folder: Path
    words: dict[Path, str]

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def gather(work: Path) -> Corpus:
    """Download, unpack, draw and convert."""
    folder, root = work / "corpus", work / "root"
    download(work / "packages", root)
    draw(root, folder)
    mail(root, folder / "eml")
    words = slides(folder / "pptx")
    pages = [
        path for path in sorted((folder / "html").iterdir()) if 3000 < path.stat().st_size < 60_000
    ][:_PAGES_CONVERTED]
    for kind in _FROM_PAGES:
        convert(pages, kind, folder / f"{kind}-made", read_as="HTML (StarWriter)")
    for kind in _FROM_SHEETS:
        convert(sorted((folder / "xls").iterdir()), kind, folder / f"{kind}-made")
    for kind in _FROM_SLIDES:
        convert(sorted((folder / "pptx").iterdir()), kind, folder / f"{kind}-made")
        made = {path.stem: path for path in (folder / f"{kind}-made").iterdir()}
        words |= {made[path.stem]: text for path, text in words.items() if path.stem in made}
    return Corpus(folder, words)


def download(packages: Path, root: Path) -> None:
    packages.mkdir()
    command = ["apt-get", "download", "-q", *PACKAGES]
    subprocess.run(command, cwd=packages, check=True, capture_output=True, timeout=_SECONDS)
    for package in packages.iterdir():
        subprocess.run(["dpkg", "-x", package, root], check=True, timeout=_SECONDS)


def draw(root: Path, folder: Path) -> None:
    """Files of each suffix, spread over the packages; compressed texts among them."""
    for suffix, most in DRAWN.items():
        found = [path for path in sorted(root.rglob(f"*{suffix}")) if _is_fit(path)]
        if suffix == ".txt":
            found += [path for path in sorted(root.rglob("*.txt.gz")) if _is_fit(path)]
        (folder / suffix[1:]).mkdir(parents=True)
        step = max(1, len(found) // most)
        for number, path in enumerate(found[::step][:most]):
            target = folder / suffix[1:] / f"{number:03}-{path.name.removesuffix('.gz')}"
            data = path.read_bytes()
            target.write_bytes(gzip.decompress(data) if path.suffix == ".gz" else data)


def _is_fit(path: Path) -> bool:
    is_file = path.is_file() and not path.is_symlink()
    return is_file and _SMALLEST < path.stat().st_size < _LARGEST


def mail(root: Path, folder: Path) -> None:
    """The messages that Python's own tests read; many are damaged on purpose."""
    folder.mkdir()
    for path in sorted(root.rglob("test_email/data/msg_*.txt")):
        shutil.copy(path, folder / f"{path.stem}.eml")


def slides(folder: Path) -> dict[Path, str]:
    """Presentations of known words."""
    folder.mkdir()
    words = {}
    for number in range(_SLIDES):
        presentation, said = pptx.Presentation(), []
        for page in range(1 + number):
            slide = presentation.slides.add_slide(presentation.slide_layouts[1])
            title, body = f"Orchard {number} page {page}", f"苹果在第{page}页，梨树不在。"
            slide.shapes.title.text, slide.placeholders[1].text = title, body
            said += [title, body]
        path = folder / f"slides-{number}.pptx"
        presentation.save(path)
        words[path] = "\n".join(said)
    return words


def convert(
    paths: Sequence[Path], kind: str, folder: Path, *, filtered: str = "", read_as: str = ""
) -> None:
    """Have LibreOffice make files of another kind, with a profile of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = f"-env:UserInstallation={(folder.parent.parent / 'profile').as_uri()}"
    wanted = f"{kind}:{filtered}" if filtered else kind
    options = [f"--infilter={read_as}"] if read_as else []
    options += ["--convert-to", wanted, "--outdir", str(folder)]
    command = ["soffice", "--headless", profile, *options, *paths]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
