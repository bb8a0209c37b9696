"""What the README shows: its Python in order, in one process; its commands up to their options."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hemosim_jax.experiment import (
    cli,
    command_dataset,
    command_evaluate,
    command_list,
    command_simulate,
    command_train,
)

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_python_runs_in_order(tmp_path):
    code = "\n".join(blocks("python"))
    assert "compare" in code
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    assert "minus standard, same patients" in done.stdout


COMMANDS = [
    line.partition("#")[0].strip()
    for block in blocks("bash")
    for line in block.splitlines()
    if line.startswith("hemosim-jax")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_take_these_options(command, monkeypatch):
    taken = []
    for module in (
        command_dataset, command_evaluate, command_list, command_simulate, command_train,
    ):  # fmt: skip
        monkeypatch.setattr(module, "run", taken.append)
    cli.main(shlex.split(command)[1:])
    assert len(taken) == 1


def test_it_is_short_and_its_links_lead_somewhere():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    assert len(prose.split()) <= 1200
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
