"""The files of `deploy`: what they name is there, and the units are as closed as they say."""

import re
import shutil
import subprocess

import pytest

from ondi.keys import NAMES
from tests.mutants.modules import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
MOST_EXPOSED = 2.5


def test_the_sample_of_settings_names_settings_and_all_keys():
    named = re.findall(r"^([A-Z_]+)=", (ROOT / "deploy" / "ondi.env").read_text(), re.M)
    known = (ROOT / "docs" / "deploying.md").read_text()
    assert set(NAMES) <= set(named)
    assert [name for name in named if f"`{name}`" not in known] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="not systemd's machine: apt-get install systemd")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_are_well_formed_and_closed(unit, tmp_path):
    text = unit.read_text()
    for program in ("granian", "python"):
        text = text.replace(f"/opt/ondi/.venv/bin/{program} ", f"{shutil.which('true')} ")
    (tmp_path / unit.name).write_text(text)
    (tmp_path / f"{unit.name}.d").mkdir()
    shutil.copy(unit.parent / "ondi-.service.d.conf", tmp_path / f"{unit.name}.d" / "10-shared.conf")
    asked = {"cwd": tmp_path, "capture_output": True, "text": True, "check": False}
    where = {"PATH": "/usr/bin:/bin", "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}

    verified = subprocess.run(["systemd-analyze", "verify", f"./{unit.name}"], env=where, **asked)
    looked_at = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"./{unit.name}"]
    told = subprocess.run(looked_at, env=where, **asked).stdout

    assert unit.name not in verified.stderr, verified.stderr
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", told)[1]) <= MOST_EXPOSED
