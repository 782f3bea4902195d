"""Run commands of bdlbench in the process of the tests, which has imported torch already."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

import pytest

from bdlbench import plugin_errors
from bdlbench.commands import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ended:
    """Run a command in the current folder."""
    monkeypatch.setenv(plugin_errors.VARIABLE, "")  # which --debug sets
    monkeypatch.setattr(sys, "argv", ["bdlbench", *shlex.split(arguments)])
    code: object = 0
    try:
        main.main()
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    return Ended(code if isinstance(code, int) else int(bool(code)), printed.out, printed.err)
