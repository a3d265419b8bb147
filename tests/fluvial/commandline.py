"""Commandline: `fluvial` as people type it, run in this process; what it said and how it ended."""

import json
import sys
from typing import Any, NamedTuple

import pytest
import structlog

from fluvial.cli import main


class Said(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


class Commandline:
    """Runs commands; the environment is that of the test."""

    def __init__(self, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self._patch, self._captured = patch, captured

    def __call__(self, *words: str) -> Said:
        """Run `fluvial` with these words."""
        self._patch.setattr(sys, "argv", ["fluvial", *words])
        self._captured.readouterr()
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            structlog.reset_defaults()  # the log was bound to an output that ends with this test
        out, err = self._captured.readouterr()
        return Said(int(ended.value.code or 0), out, err)
