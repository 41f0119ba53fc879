"""One place says which release this is; production serves static files that may be kept; its settings fit together."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
from django.conf import settings
from django.test import Client

from ondi.api.checks import settings_fit
from ondi.keys import NAMES
from ondi.static import HashedFiles
from ondi.version import VERSION
from tests.mutants.modules import ROOT


def manage(*arguments, **environment):
    keys = {name: f"{name}-0123456789-abcdefghijklmnop" for name in NAMES}
    given = {**os.environ, "DEBUG": "false", "DJANGO_SETTINGS_MODULE": "ondi.settings", **keys, **environment}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )


class TestVersion:
    def test_is_said_by_the_project_alone_and_told_everywhere(self, db):
        said = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert said == VERSION
        assert Client().get("/health/live").headers["X-OnDi-Version"] == VERSION
        assert settings.SPECTACULAR_SETTINGS["VERSION"] == VERSION

    @pytest.mark.parametrize("asked", ["version", "--version"])
    def test_is_a_command_that_needs_no_setting(self, asked):
        told = manage(asked, SECRET_KEY="", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
        assert (told.returncode, told.stdout) == (0, f"{VERSION}\n")


class TestKeys:
    def test_are_made_good_different_and_anew_each_time(self):
        first, second = (manage("make_keys", SECRET_KEY="") for _time in range(2))
        assert first.returncode == second.returncode == 0
        lines = dict(line.split("=", 1) for line in first.stdout.splitlines())
        assert tuple(lines) == NAMES
        assert len(set(lines.values())) == len(NAMES)
        assert first.stdout != second.stdout
        assert manage("check", **lines).returncode == 0


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    code = (
        f"import django; from django.conf import settings; django.setup(); settings.STATIC_ROOT = {str(folder)!r}; "
        "from django.core.management import call_command; call_command('collectstatic', interactive=False, verbosity=0)"
    )
    keys = {name: f"{name}-0123456789-abcdefghijklmnop" for name in NAMES}
    given = {**os.environ, "DEBUG": "false", "DJANGO_SETTINGS_MODULE": "ondi.settings", **keys}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=given, check=True, capture_output=True)
    return folder


class TestStaticFiles:
    def test_are_named_by_their_content_with_all_that_modules_import(self, collected):
        names = json.loads((collected / "staticfiles.json").read_text())["paths"]
        assert re.fullmatch(r"support/workbench\.[0-9a-f]{12}\.css", names["support/workbench.css"])
        modules = [name for name in names if re.fullmatch(r"support/\w+\.js", name)]
        assert "support/page.js" in modules
        for module in modules:
            text = (collected / names[module]).read_text()
            imported = re.findall(r"from \"\./([^\"]+)\"", text)
            assert all((collected / "support" / one).exists() for one in imported)
            assert all(re.search(r"\.[0-9a-f]{12}\.js$", one) for one in imported)
            assert (collected / f"{names[module]}.gz").exists() or len(text) < 1_000

    def test_no_page_fails_where_they_were_not_collected(self, tmp_path):
        assert HashedFiles(location=tmp_path).url("support/page.js") == "/static/support/page.js"


class TestSettingsThatFit:
    def test_nothing_is_said_of_good_ones(self, settings, tmp_path):
        (tmp_path / "staticfiles.json").touch()
        settings.STATIC_ROOT, settings.PUBLIC_URL = tmp_path, "https://support.example"
        settings.ALLOWED_HOSTS, settings.TRUSTED_PROXY_COUNT = [".example"], 1
        assert settings_fit() == []

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"STATIC_ROOT": "/nowhere"}, "collectstatic"),
            ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set"),
            ({"ALLOWED_HOSTS": ["localhost"]}, "ALLOWED_HOSTS does not have support.example"),
            ({"TRUSTED_PROXY_COUNT": 0}, "TRUSTED_PROXY_COUNT"),
        ],
    )
    def test_what_does_not_fit_is_named(self, settings, tmp_path, changes, said):
        (tmp_path / "staticfiles.json").touch()
        good = {
            "STATIC_ROOT": tmp_path, "PUBLIC_URL": "https://support.example", "ALLOWED_HOSTS": ["support.example"],
            "TRUSTED_PROXY_COUNT": 1,
        }  # fmt: skip
        for name, value in {**good, **changes}.items():
            setattr(settings, name, value)
        (warning,) = settings_fit()
        assert said in warning.msg
