"""The bench, asked for what cannot be: a plain sentence, and nothing is left behind."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def bench(folder, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "ONDI_", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench"], cwd=ROOT, env={**kept, "TMPDIR": str(folder), **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    left = [path.name for path in folder.iterdir()]
    return done.returncode, done.stderr, left


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SIZE": "many"}, "error: SIZE must be a whole number from 2,000, not 'many'."),
        ({"SIZE": "10"}, "error: SIZE must be a whole number from 2,000, not '10'."),
        ({"ROUNDS": "0"}, "error: ROUNDS must be a whole number from 1, not '0'."),
        ({"SIZE": "99999999999"}, "error: too little disk: 99,999,999,999 tickets take about"),
        ({"DATABASE_URL": "postgres://ondi@nowhere/ondi"}, "error: unset DATABASE_URL"),
        ({"ONDI_PG_BIN": "/nowhere"}, "error: No PostgreSQL 15 or newer found."),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_refused_in_a_sentence(folder, environment, sentence):
    status, said, left = bench(folder, **environment)

    assert status == 1
    assert sentence in said
    assert "Traceback" not in said
    assert left == []


def test_a_taken_port_is_named(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        status, said, left = bench(folder, SIZE="2000", PORT=port)

    assert status == 1
    assert f"cannot serve on port {port}" in said
    assert "Traceback" not in said
    assert left == []
