"""python -m ui: serve the page on this machine.

The port is the settings' one (KB_QA_PORT), or the next free one. Further arguments go to
`streamlit run`: `--server.address 0.0.0.0 --server.allowedHosts "*"` serves a
whole network, to everybody on it.
"""

import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from streamlit.web import cli

from kb_qa import KbQaError, load_settings
from kb_qa.errors import SettingsError
from ui.engine import shared_engine

_APP = Path(__file__).with_name("app.py")
_HOST = "127.0.0.1"
_PORTS = 65536
_PORTS_TRIED = 100


def main(arguments: list[str]) -> int:
    """Serve until interrupted; returns the exit code."""
    try:
        port = free_port(load_settings().port)
        shared_engine()  # loads while the reader opens the browser
    except KbQaError as error:
        print(f"kb-qa: {error}", file=sys.stderr)
        return 2
    threading.Thread(target=_announce, args=[port], daemon=True).start()
    cli.main(["run", str(_APP), *_options(port), *arguments], prog_name="kb-qa")
    return 0


def free_port(first: int) -> int:
    """The first port from this one on that nobody listens on.

    Raises:
        SettingsError: all that were tried are taken.
    """
    for port in range(first, min(first + _PORTS_TRIED, _PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((_HOST, port))
                return port
    raise SettingsError(f"KB_QA_PORT={first}: no free port from there on, set it to another")


def _options(port: int) -> list[str]:
    """What must hold wherever this is started; the rest is in .streamlit/config.toml."""
    return [
        f"--server.port={port}",
        f"--server.address={_HOST}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--logger.hideWelcomeMessage=true",
        "--runner.fastReruns=false",
    ]


def _announce(port: int) -> None:
    """Print the address as soon as it answers."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((_HOST, port)) == 0:
                break
        time.sleep(0.1)
    print(f"kb-qa: http://{_HOST}:{port}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
