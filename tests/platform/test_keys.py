"""The server does not start in production without good keys, and says which one is at fault."""

import os
import subprocess
import sys

import pytest

GOOD = {
    "SECRET_KEY": "k9Jd83nfLq0ZxVb7TmWc2RyPh6sGa1Eu",
    "JWT_SIGNING_KEY": "Qw7Zr4Tn1Yp8Lx5Vb2Mc9Kd6Hf3Jg0Sa",
    "WEBHOOK_SECRETS_KEY": "Hs4Vb9Lw2Xe7Rt1Yq6Nc3Md8Kf5Jg0Pz",
    "FILES_SIGNING_KEY": "Zp3Kx8Qm1Vc6Bn4Tw9Ry2Hd7Lf0Sg5Ja",
}


def start(**environment):
    """Import the entry point in a process of its own, as a server does."""
    kept = {name: value for name, value in os.environ.items() if name not in (*GOOD, "DJANGO_SETTINGS_MODULE")}
    given = {**kept, "DEBUG": "false", **{name: value for name, value in environment.items() if value is not None}}
    code = "import ondi.wsgi"
    return subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=False)


def test_good_keys_start_and_development_needs_none():
    assert start(**GOOD, JWT_VERIFICATION_KEYS="Pz3Xo6Cu9Bi2Nv5Ma8Ls1Kd4Jf7Hg0Qw").returncode == 0
    assert start(DEBUG="true").returncode == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY setting must not be empty"),
        ({"JWT_SIGNING_KEY": ""}, "JWT_SIGNING_KEY must be set"),
        ({"WEBHOOK_SECRETS_KEY": None}, "WEBHOOK_SECRETS_KEY must be set"),
        ({"FILES_SIGNING_KEY": None}, "FILES_SIGNING_KEY must be set"),
        ({"WEBHOOK_PRIVATE_NETWORKS": "tigris"}, "WEBHOOK_PRIVATE_NETWORKS: 'tigris' is no tenant=network"),
        ({"JWT_SIGNING_KEY": "short"}, "JWT_SIGNING_KEY is too weak"),
        ({"SECRET_KEY": "abab" * 20}, "SECRET_KEY is too weak"),
        ({"SECRET_KEY": "insecure-key-for-development-only-0123456789"}, "SECRET_KEY is the development key"),
        ({"JWT_SIGNING_KEY": GOOD["SECRET_KEY"]}, "JWT_SIGNING_KEY must not be the same as SECRET_KEY"),
        ({"JWT_VERIFICATION_KEYS": "weak"}, "JWT_VERIFICATION_KEYS, number 1, is too weak"),
        ({"SECRET_KEY_FALLBACKS": GOOD["JWT_SIGNING_KEY"]}, "SECRET_KEY_FALLBACKS, number 1, must not be the same"),
    ],
)
def test_bad_keys_are_refused_with_the_reason(changes, reason):
    done = start(**{**GOOD, **changes})

    assert done.returncode != 0
    assert reason in done.stderr.splitlines()[-1]
