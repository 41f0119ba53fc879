"""The private PostgreSQL: one server for any number of users, gone with the last of them."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ondi import embedded_postgres
from tests.reliability.fresh_database import begin_with_schema
from tests.reliability.product import two_free_ports, wait_until

ROOT = Path(__file__).resolve().parents[2]
HOLD = "from ondi import embedded_postgres as e; e.hold(); print('up', flush=True); input()"
WAIT_SECONDS = 30


@pytest.fixture
def environment(tmp_path_factory):
    """An own data folder; reachable for the server's account also when the tests run as root."""
    home = tmp_path_factory.mktemp("pg")
    if os.getuid() == 0:
        for folder in (home, *home.parents[:-1]):
            if not folder.stat().st_mode & 0o001 and "pytest" in str(folder):
                folder.chmod(0o755)  # pytest's own folder, nobody's home
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "DJANGO"))}
    return {**inherited, "ONDI_DATA_DIR": str(home / "data"), "DEBUG": "true"}


def holder(environment):
    return subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def server_pid(environment):
    try:
        return int((Path(environment["ONDI_DATA_DIR"]) / "postgres/data/postmaster.pid").read_text().split()[0])
    except OSError:
        return None


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def leave(process):
    process.communicate("\n", timeout=WAIT_SECONDS)


def test_racing_starts_make_one_server_and_the_last_one_stops_it(environment):
    users = [holder(environment) for _number in range(8)]
    assert [user.stdout.readline() for user in users] == ["up\n"] * 8
    pid = server_pid(environment)
    assert is_alive(pid)

    for user in users[:-1]:
        leave(user)
    assert is_alive(pid)
    assert server_pid(environment) == pid
    leave(users[-1])

    wait_until(lambda: not is_alive(pid), "the database is still there")


def test_killed_user_and_killed_server_are_survived(environment):
    first, second = holder(environment), holder(environment)
    assert (first.stdout.readline(), second.stdout.readline()) == ("up\n", "up\n")
    first.kill()
    first.wait()
    pid = server_pid(environment)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the server is still there")

    third = holder(environment)
    assert third.stdout.readline() == "up\n"
    assert is_alive(server_pid(environment))
    assert server_pid(environment) != pid
    leave(second)
    last = server_pid(environment)
    assert is_alive(last)
    leave(third)

    wait_until(lambda: not is_alive(last), "the database is still there")


def test_nothing_is_started_when_a_database_is_given(environment):
    user = holder({**environment, "DATABASE_URL": "postgres://nowhere/x"})
    assert user.stdout.readline() == "up\n"
    leave(user)

    assert not Path(environment["ONDI_DATA_DIR"]).exists()


def test_socket_path_stays_short(monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp/" + "x" * 100)

    assert len(str(embedded_postgres.socket_directory() / ".s.PGSQL.5432.lock")) <= 107


def test_missing_binaries_are_a_plain_sentence(environment, tmp_path):
    failed = subprocess.run(
        [sys.executable, "manage.py", "migrate"], cwd=ROOT, env={**environment, "ONDI_PG_BIN": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: No PostgreSQL 15 or newer found.")


def manage(environment, *arguments):
    """`manage.py` where nothing is set but what `environment` says: its code and everything it says."""
    kept = {
        name: value for name, value in environment.items() if name not in ("DEBUG", "SECRET_KEY", "JWT_SIGNING_KEY")
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=kept, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_folder_that_postgresqls_account_cannot_reach_is_a_plain_sentence(environment, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700 if os.getuid() == 0 else 0o000)
    for command in (["manage.py", "migrate"], ["-m", "ondi.serve"]):
        failed = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False,
            env={**environment, "ONDI_DATA_DIR": str(closed / "data"), "DEBUG": "true"},
        )  # fmt: skip

        assert failed.returncode == 1
        assert failed.stderr.startswith("error: ")
        assert str(closed) in failed.stderr
        assert len(failed.stderr.splitlines()) == 1
    closed.chmod(0o700)


@pytest.mark.parametrize(
    "command", [["clear_expired"], ["create_operator", "x@example.org"], ["doctor"], ["shell", "-c", "1"]]
)
def test_what_is_not_set_is_said_in_a_sentence(environment, command):
    code, said = manage(environment, *command)

    assert code == 1
    assert said.startswith("error: The SECRET_KEY setting must not be empty. In development set DEBUG=true, or let")
    assert len(said.splitlines()) == 1


class TestServe:
    @pytest.fixture
    def served(self, environment):
        begin_with_schema(Path(environment["ONDI_DATA_DIR"]))
        with self._serving(environment) as found:
            yield found

    @contextmanager
    def _serving(self, environment):
        port = two_free_ports()
        server = subprocess.Popen(
            [sys.executable, "-m", "ondi.serve"], cwd=ROOT, env={**environment, "PORT": str(port), "WEB_WORKERS": "2"},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: self._answers(f"{url}/health/ready") or server.poll() is not None, "make serve is not up")
        try:
            yield server, url
        finally:
            server.terminate()
            server.communicate(timeout=WAIT_SECONDS)

    def _answers(self, url):
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return response.status == 200
        except OSError:
            return False

    @pytest.mark.parametrize(("port", "reason"), [("taken", "Address already in use"), ("soon", "must be a number")])
    def test_port_that_cannot_be_had_is_a_plain_sentence(self, environment, port, reason):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            number = str(taken.getsockname()[1]) if port == "taken" else port
            failed = subprocess.run(
                [sys.executable, "-m", "ondi.serve"], cwd=ROOT, env={**environment, "PORT": number},
                capture_output=True, text=True, check=False, timeout=WAIT_SECONDS,
            )  # fmt: skip

        assert failed.returncode == 1
        assert reason in failed.stderr
        assert not Path(environment["ONDI_DATA_DIR"]).exists(), "nothing was started"

    def test_what_runs_beside_it_needs_no_settings_and_a_second_one_is_refused(self, environment, served, tmp_path):
        _server, url = served
        for command in (["clear_expired"], ["import_orders", "--help"], ["seed_demo", "--json", str(tmp_path / "d")]):
            code, said = manage(environment, *command)
            assert code == 0, said
        in_production = {**environment, "DATABASE_URL": "postgres://ondi@127.0.0.1:1/ondi"}
        assert "must not be empty" in manage(in_production, "clear_expired")[1], (
            "nothing is taken where something is set"
        )

        second = subprocess.run(
            [sys.executable, "-m", "ondi.serve"], cwd=ROOT, env={**environment, "PORT": str(two_free_ports())},
            capture_output=True, text=True, check=False, timeout=WAIT_SECONDS,
        )  # fmt: skip

        assert second.returncode == 1
        assert second.stderr.startswith(f"error: make serve runs on {environment['ONDI_DATA_DIR']} already (process ")
        assert len(second.stderr.splitlines()) == 1
        assert self._answers(f"{url}/health/ready")

    def test_everything_ends_with_it(self, environment):
        """One after the other on the same data, which is filled but once."""
        begin_with_schema(Path(environment["ONDI_DATA_DIR"]))
        for how in ("SIGTERM", "SIGINT", "make stop"):
            with self._serving(environment) as (server, url):
                self._all_ends(environment, server, url, how)

    def _all_ends(self, environment, server, url, how):
        assert self._answers(f"{url}/schema")
        with ThreadPoolExecutor(12) as callers:
            answers = list(callers.map(self._answers, [f"{url}/health/ready"] * 120))
        assert all(answers), "no two workers share a connection"
        pid = server_pid(environment)
        assert is_alive(pid)

        if how == "make stop":
            subprocess.run([sys.executable, "-m", "ondi.stop"], cwd=ROOT, env=environment, check=True)
        else:
            server.send_signal(getattr(signal, how))
        said, _nothing = server.communicate(timeout=WAIT_SECONDS)

        assert "Password   ondi-demo" in said
        assert f"curl -s {url}/auth/login" in said
        wait_until(lambda: not is_alive(pid), "the database is still there")
        assert not self._answers(f"{url}/health/live")
        assert not (Path(environment["ONDI_DATA_DIR"]) / "serve.pid").exists()
        assert "must not be empty" in manage(environment, "clear_expired")[1]
