"""A package that is not this one adds a task: by an entry point, and by `register`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as pip would lay it out."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "gentamicin.py", folder / "gentamicin.py")
    information = folder / "gentamicin-0.1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: gentamicin\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text(
        "[hemosim_jax.tasks]\nGentamicinDosing-v0 = gentamicin:TASK\n"
    )
    return folder


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_entry_point_is_known_everywhere(installed):
    out = python(
        installed,
        "-c",
        """
import gymnasium
import gymnax
import hemosim_jax
from hemosim_jax.testing import check_environment

check_environment("GentamicinDosing-v0")
assert gymnax.make("GentamicinDosing-v0")[0].name == "GentamicinDosing-v0"
env = gymnasium.make("hemosim_jax/GentamicinDosing-v0")
env.reset(seed=0)
assert env.step(env.action_space.sample())[4]["hours"] == 24.0
env, params = hemosim_jax.make("GentamicinDosing-v0")
more = lambda seen: 0.5 + 0.0 * seen
result = hemosim_jax.compare(env, params, {"more": more, "fixed": "fixed_360mg"}, num_patients=50)
table = hemosim_jax.simulate_regimen(
    "GentamicinDosing-v0", None, [{"time": 0.0, "dose_mg": 340.0}], [0.0, 12.0]
)
print(result, table["amount_mg"].iloc[1])
""",
    )
    assert "fixed" in out


def test_the_command_line_knows_it(installed):
    command = "from hemosim_jax.experiment.cli import main; main()"
    out = python(installed, "-c", command, "list")
    assert "GentamicinDosing-v0" in out
    assert "fixed_360mg" in out
    arguments = ("--env-id", "GentamicinDosing-v0", "--patients", "20", "--out", "out")
    out = python(installed, "-c", command, "evaluate", *arguments)
    assert "fixed_360mg" in out


def test_register(tmp_path):
    out = python(
        HERE.parents[1],
        "-c",
        """
import gymnasium
import hemosim_jax
from tests.third_party.gentamicin import TASK

hemosim_jax.register(TASK)
hemosim_jax.register(TASK)  # again does nothing
print(gymnasium.make("hemosim_jax/GentamicinDosing-v0").spec.id)
try:
    hemosim_jax.register(TASK._replace(describe=None))
except ValueError as error:
    print(error)
""",
    )
    assert "hemosim_jax/GentamicinDosing-v0" in out
    assert "'GentamicinDosing-v0' is registered already; give the task another id" in out
