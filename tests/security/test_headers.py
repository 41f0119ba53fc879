"""What every answer says to the browser, and what production insists on."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from tests.factories import MemberFactory
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
NONE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def policy(answer):
    text = answer.headers["Content-Security-Policy"]
    return {name: value for name, _space, value in (part.strip().partition(" ") for part in text.split(";"))}


@pytest.mark.parametrize("path", ["/health/live", "/users/me", "/nothing/there", "/schema", "/auth/login"])
def test_api_answers_may_load_nothing(client, path):
    answer = client.get(path)

    assert answer.headers["Content-Security-Policy"] == NONE
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_admin_pages_load_from_here_only():
    for answer in (
        Client().get("/admin/login/"),
        workbench(MemberFactory(agent=True).user).get("/admin/support/ticket/"),
    ):
        found = policy(answer)
        assert found["default-src"] == "'self'"
        assert found["script-src"] == "'self' 'unsafe-eval'", "unfold's templates evaluate; none are inline"
        assert (found["object-src"], found["base-uri"], found["form-action"]) == ("'none'", "'none'", "'self'")
        assert found["frame-ancestors"] == "'none'"
        assert b"<script>" not in answer.content
        assert b" onclick=" not in answer.content
        assert "no-store" in answer.headers["Cache-Control"]


def test_documentation_runs_scripts_of_ours_only(client):
    answer = client.get("/docs")

    assert policy(answer)["default-src"] == "'self'"
    assert "script-src" not in policy(answer)
    assert b"<script>" not in answer.content


def test_cookies_are_for_this_host_and_no_script():
    client = Client()
    client.get("/admin/login/")
    agent = MemberFactory(agent=True)
    client.post("/admin/login/", {"username": agent.user.email, "password": "correct horse battery"})

    session = client.cookies["__Host-session"]
    assert (session["secure"], session["httponly"], session["samesite"], session["path"]) == (True, True, "Lax", "/")
    assert client.cookies["__Host-csrf"]["secure"] is True


def test_forms_of_the_admin_have_a_limit():
    browser = workbench(MemberFactory(admin=True).user)
    page = "/admin/support/tag/add/"

    just_right = browser.post(page, {"name": "x" * (255 * 1024)})
    too_much = browser.post(page, {"name": "x" * (256 * 1024)})

    assert just_right.status_code != 413
    assert too_much.status_code == 413
    assert "Nothing was changed" in too_much.content.decode()


def test_forms_from_elsewhere_are_refused():
    agent = MemberFactory(agent=True)
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = workbench(agent.user).cookies

    answer = browser.post("/admin/logout/")

    assert answer.status_code == 403
    assert browser.get("/admin/").status_code == 200


def test_production_settings_pass_djangos_own_check():
    keys = {
        "SECRET_KEY": "k9Jd83nfLq0ZxVb7TmWc2RyPh6sGa1EuQw7Zr4Tn1Yp8Lx5VmmKd0",
        "JWT_SIGNING_KEY": "k9Jd83nfLq0ZxVb7TmWc2RyPh6s",
        "WEBHOOK_SECRETS_KEY": "Hs4Vb9Lw2Xe7Rt1Yq6Nc3Md8Kf5Jg0Pz",
        "FILES_SIGNING_KEY": "Zp3Kx8Qm1Vc6Bn4Tw9Ry2Hd7Lf0Sg5Ja",
    }
    kept = {name: value for name, value in os.environ.items() if name not in ("DEBUG", "DJANGO_SETTINGS_MODULE")}
    command = [sys.executable, "manage.py", "check", "--deploy"]

    done = subprocess.run(command, cwd=ROOT, env={**kept, **keys}, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    # Ours speak of the installation, which is none here.
    assert re.findall(r"\((?!ondi\.)\w+\.[WE]\d+\)", done.stderr) == []
    assert "(ondi.W001)" in done.stderr
