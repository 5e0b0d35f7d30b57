"""Starting the page: its port, and what may leave the machine."""

import socket
import tomllib
from pathlib import Path

import pytest

from kb_qa.errors import SettingsError
from ui.__main__ import free_port, main

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"


def test_a_taken_port_is_passed_over() -> None:
    """The next free port is used; a free one is used as it is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = free_port(port)
        assert found > port
    assert free_port(found) == found


def test_no_free_port_is_told() -> None:
    """Where all ports are taken, the message names the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 65535))
        taken.listen()
        with pytest.raises(SettingsError, match="KB_QA_PORT=65535"):
            free_port(65535)


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_told(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage ends with code 2 and one line that names the value."""
    monkeypatch.setenv("KB_QA_PORT", value)
    assert main([]) == 2
    assert f"KB_QA_PORT='{value}'" in capsys.readouterr().err


def test_the_page_is_private() -> None:
    """Only this machine is served, nothing is reported, no traceback is shown."""
    config = tomllib.loads(CONFIG.read_text("utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert set(config["server"]["allowedHosts"]) == {"127.0.0.1", "localhost"}
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
