"""Ray: a cluster that is there, or one started on this machine for as long as a run lasts."""

import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kb_qa.errors import KbQaError

if TYPE_CHECKING:
    from types import ModuleType

LOCAL, RUNNING = "local", "auto"
"""Addresses that are none: a cluster of this machine's own, and the one that runs on it."""

_SECONDS_TO_ANSWER = 10.0
_SECONDS_TO_START = 120.0
_FEWEST_PROCESSORS = 2
"""A process that parses, and one that embeds."""

_STANDARD_ERROR = 2

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",
}
"""Ray reports home by itself, warns of what it does itself, and prints between our lines."""


class ClusterError(KbQaError):
    """Ray is not installed, cannot be reached, or its machines cannot do the work."""


@dataclass(frozen=True)
class Machine:
    """A node that can be given work.

    Attributes:
        id: as Ray knows it.
        processors: that Ray may use.
        cards: GPUs that Ray may use.
    """

    id: str
    processors: int
    cards: int


class Cluster:
    """The machines behind an address; see `connected`."""

    def __init__(self, ray: "ModuleType") -> None:
        self._ray = ray
        self.machines = tuple(
            Machine(node["NodeID"], int(has.get("CPU", 0)), int(has.get("GPU", 0)))
            for node in ray.nodes()
            if node["Alive"] and (has := node["Resources"]).get("CPU", 0) >= 1
        )

    @property
    def processors(self) -> int:
        """Of all machines."""
        return sum(each.processors for each in self.machines)

    @property
    def cards(self) -> int:
        """Of all machines."""
        return sum(each.cards for each in self.machines)

    @property
    def only_here(self) -> dict[str, str]:
        """What has Ray choose this machine."""
        return _only(self._ray.get_runtime_context().get_node_id())

    def asked(self, question: Callable[..., str], *values: object) -> list[str]:
        """What each machine answers.

        Raises:
            ClusterError: one does not, such as for want of this package.
        """
        ask = self._ray.remote(question)
        waiting = [
            ask.options(num_cpus=0, max_retries=1, label_selector=_only(each.id)).remote(*values)
            for each in self.machines
        ]
        try:
            answers: list[str] = self._ray.get(waiting, timeout=_SECONDS_TO_START)
        except self._ray.exceptions.RayError as error:
            raise ClusterError(
                "a machine of the cluster cannot do the work; install the same version of kb-qa, "
                f"with the same extras, on all of them: {_said(error)}"
            ) from error
        return answers


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster at an address, until the block ends.

    Args:
        address: `local`, `auto`, or the HOST:PORT of a cluster that this machine is part of.

    Raises:
        ClusterError: Ray is not installed, is not there, or is of another version.
    """
    os.environ.update(_QUIET)
    ray = _ray()
    try:
        _connect(ray, address)
        cluster = Cluster(ray)
        if cluster.processors < _FEWEST_PROCESSORS:
            raise ClusterError(
                f"Ray at {address} has {cluster.processors} processors to give: it takes two, one "
                "to parse and one to embed"
            )
        yield cluster
    finally:
        ray.shutdown()


def _only(node: str) -> dict[str, str]:
    return {"ray.io/node-id": node}


def _ray() -> "ModuleType":
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise ClusterError(
            f"--ray needs an extra: pip install 'kb-qa[ray]' (not found: {error.name})"
        ) from error
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL + 1)  # its file keeps what it says
    module: ModuleType = ray
    return module


def _connect(ray: "ModuleType", address: str) -> None:
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.CRITICAL,
        "ignore_reinit_error": False,
    }
    if address == LOCAL:
        quiet |= {
            "num_cpus": max(_FEWEST_PROCESSORS, os.cpu_count() or 1),
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",  # nobody else is to reach its ports
        }
    elif address != RUNNING:
        _knock(address)
    try:
        with _hushed():
            ray.init(address=address, **quiet)
    except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError) as error:
        remedy = "" if address == LOCAL else f"; here: ray start --address {address}"
        raise ClusterError(f"Ray at {address} cannot be used: {_said(error)}{remedy}") from error


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what is not Python from writing to standard error; what goes wrong is raised too."""
    sys.stderr.flush()
    kept, nowhere = os.dup(_STANDARD_ERROR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, _STANDARD_ERROR)
        os.close(kept)
        os.close(nowhere)


def _knock(address: str) -> None:
    """Ray waits for minutes at a door behind which there is nobody."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"--ray {address} is no address: give {LOCAL}, {RUNNING}, or the HOST:PORT of a cluster"
        )
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"there is no Ray at {address}: {error}; on its first machine: ray start --head"
        ) from error


def _said(error: BaseException) -> str:
    """The line of a message that says it: Ray's are pages long."""
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[-1] if lines else 'no reason given'}"
