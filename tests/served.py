"""A server that speaks chat/completions as vLLM does, at the speed and with the faults it is told.

`python tests/served.py PORT` serves a slow one.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-secret-of-the-tests"


@dataclass
class Script:
    """What the server does with the next requests.

    Attributes:
        pieces: the tokens of the answer, one event each.
        status: of the response; an error where it is not 200.
        said: the message of such an error.
        seconds: before each piece.
        held: set, the answer goes on; clear, it waits before each piece.
        ends: how: "done" as it should, "cut" without a last event, "error" with one instead.
        finish: the finish reason.
    """

    pieces: Sequence[str] = ("Fifteen", " days", " [1].")
    status: int = 200
    said: str = "no"
    seconds: float = 0.0
    held: threading.Event = field(default_factory=threading.Event)
    ends: str = "done"
    finish: str = "stop"

    def __post_init__(self) -> None:
        self.held.set()


class ChatServer(ThreadingHTTPServer):
    """Keeps what it was asked, and whether a reader went away."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = Script()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.left = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def setting(self) -> str:
        """The value of KB_QA_LLM that names it."""
        return f"openai:{self.url}#tiny"

    @property
    def prompts(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        script = self.server.script
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(request)
        self.server.keys.append(self.headers.get("Authorization", ""))
        if script.status != 200:
            self._reply(script.status, {"error": {"message": script.said, "code": script.status}})
        elif request.get("stream"):
            try:
                self._stream(script)
            except OSError:
                self.server.left.set()
        else:
            message = {"role": "assistant", "content": "".join(script.pieces)}
            choice = {"index": 0, "message": message, "finish_reason": script.finish}
            self._reply(200, _completion([choice], usage=_usage(script)))

    def _stream(self, script: Script) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")  # and no length: an early end looks like an end
        self.end_headers()
        self.close_connection = True
        for piece in script.pieces:
            self._pause(script)
            self._event(_completion([{"index": 0, "delta": {"content": piece}}]))
        if script.ends == "cut":
            return
        if script.ends == "error":
            self._event({"error": {"message": script.said, "code": 500}})
            return
        last = {"index": 0, "delta": {}, "finish_reason": script.finish}
        self._event(_completion([last]))
        self._event(_completion([], usage=_usage(script)))
        self.wfile.write(b"data: [DONE]\n\n")

    def _pause(self, script: Script) -> None:
        """A comment line now and then, as servers send to keep a connection, finds out who left."""
        until = time.monotonic() + script.seconds
        while time.monotonic() < until or not script.held.is_set():
            self.wfile.write(b": wait\n\n")
            self.wfile.flush()
            time.sleep(0.02)

    def _event(self, value: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())
        self.wfile.flush()

    def _reply(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def chat_server(port: int = 0) -> Iterator[ChatServer]:
    """A running server."""
    with ChatServer(port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _completion(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny",
            "choices": choices, **more}  # fmt: skip


def _usage(script: Script) -> dict[str, Any]:
    new = len(script.pieces)
    return {
        "prompt_tokens": 100,
        "completion_tokens": new,
        "total_tokens": 100 + new,
        "prompt_tokens_details": {"cached_tokens": 60},
    }


if __name__ == "__main__":
    with chat_server(int(sys.argv[1])) as slow, suppress(KeyboardInterrupt):
        slow.script = Script(pieces=[f"word {n} " for n in range(200)] + ["[1]."], seconds=0.1)
        print(slow.setting, flush=True)
        threading.Event().wait()
