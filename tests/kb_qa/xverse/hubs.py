"""Stand-ins for the hub: a folder, and a server that speaks ModelScope's protocol."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kb_qa.errors import CheckpointError
from kb_qa.xverse.disk import Tell
from kb_qa.xverse.hub import Hub, RemoteFile


class FolderHub(Hub):
    """A hub that has one model, in a folder; it may break off after some files."""

    def __init__(self, folder: Path, *, breaks_after: int | None = None) -> None:
        self._folder, self.breaks_after = folder, breaks_after
        self.fetched: list[str] = []

    def files(self, model: str, *, revision: str | None) -> list[RemoteFile]:
        return [RemoteFile(path.name, path.stat().st_size) for path in self._folder.iterdir()]

    def fetch(
        self,
        model: str,
        names: Sequence[str],
        *,
        revision: str | None,
        folder: Path,
        tell: Tell,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        left = [name for name in names if not (folder / name).exists()]
        for name in left[: self.breaks_after]:
            shutil.copyfile(self._folder / name, folder / name)
            self.fetched.append(name)
        if self.breaks_after is not None:
            (folder / f"{left[self.breaks_after]}.incomplete").write_bytes(b"half")
            raise CheckpointError("the line broke")


class NoHub(Hub):
    """A hub that must not be asked."""

    def files(self, model: str, *, revision: str | None) -> list[RemoteFile]:
        raise AssertionError(model)

    def fetch(
        self,
        model: str,
        names: Sequence[str],
        *,
        revision: str | None,
        folder: Path,
        tell: Tell,
    ) -> None:
        raise AssertionError(model)


class Served:
    """What a server was asked for, and how it behaves."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[str] = []
        self.ranges: list[str] = []
        self.cut: dict[str, int] = {}  # files whose first answer ends after so many bytes


@contextmanager
def model_scope(folder: Path, model: str) -> Iterator[Served]:
    """A server with one model, and what it sees."""
    served = Served()
    root = f"/api/v1/models/{model}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            if address.path == f"{root}/repo/files":
                self.send_object({"Files": [entry(path) for path in sorted(folder.iterdir())]})
            elif address.path == f"{root}/repo" and (folder / query["FilePath"]).is_file():
                self.send_part(query["FilePath"])
            elif address.path in (root, f"/openapi/v1/models/{model}"):
                self.send_object({"Path": model, "Name": model})
            else:
                self.send_error(404)

        def send_object(self, data: dict[str, Any]) -> None:
            body = json.dumps(
                {"Code": 200, "Success": True, "success": True, "Data": data}
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def send_part(self, name: str) -> None:
            served.asked.append(name)
            body, wanted = (folder / name).read_bytes(), self.headers.get("Range")
            start = 0
            if wanted:
                served.ranges.append(f"{name} {wanted}")
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last) if last else len(body) - 1
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{end}/{len(body)}")
                body = body[start : end + 1]
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: served.cut.pop(name, len(body))])

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        served.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def entry(path: Path) -> dict[str, Any]:
    body = path.read_bytes()
    return {
        "Path": path.name,
        "Name": path.name,
        "Size": len(body),
        "Type": "blob",
        "Sha256": hashlib.sha256(body).hexdigest(),
    }
