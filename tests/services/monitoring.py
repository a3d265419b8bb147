"""What Prometheus and Alertmanager have in common: a binary, a port, a configuration, an HTTP API."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.services.parts import UnavailableError
from tests.services.process import free_port, guarded, spawn


def find(package: str, *names: str) -> str:
    """The path of the first of these programs that is on the PATH; raises `UnavailableError`."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise UnavailableError(f"no {names[0]} on the PATH: install {package}, as Debian calls it")


def version(program: str) -> str:
    """The version a program of the Prometheus family says it has, as `2.42`."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    found = re.search(r"version (\d+\.\d+)", done.stdout + done.stderr)
    return found[1] if found else "of unknown version"


class WebService:
    """A program with a readiness page and an API, kept in a folder."""

    def __init__(self, program: str, config: object, folder: Path, options: Sequence[str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # no certificates, no proxies: it is on this machine
        self._client = httpx.Client(base_url=self.url, verify=False, trust_env=False, timeout=10)
        file = folder / "config.json"  # YAML reads JSON
        file.write_text(json.dumps(config) if not isinstance(config, str) else config)
        address = (f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn")
        command = guarded([program, *address, *options])
        try:
            self._child = spawn(Path(program).name, command, folder / "log", self._ready)
        except BaseException:
            self._client.close()
            raise

    def get(self, path: str, **parameters: str) -> object:
        """The JSON answer of the API; an error answer fails the test with what it says."""
        answer = self._client.get(path, params=parameters)
        assert answer.is_success, f"{path} {parameters}: {answer.status_code} {answer.text}"
        return answer.json()

    def close(self) -> None:
        """Stop the program."""
        self._client.close()
        self._child.stop()

    def _ready(self) -> bool:
        try:
            return self._client.get("/-/ready").is_success
        except httpx.TransportError:
            return False
