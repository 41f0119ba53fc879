"""The product as in production, on a private database of its own, for runs that break it."""

import atexit
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from ondi import embedded_postgres
from tests.reliability.caller import Caller
from tests.reliability.fresh_database import begin_with_schema

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 60
PORTS = range(20_000, 32_000)
# Granian takes a worker that dies within 5.5 seconds of its start for one that cannot run, and gives up.
SETTLED = 6.5
ENVIRONMENT = {
    "DEBUG": "false", "SECRET_KEY": "k9Jd83nfLq0ZxVb7TmWc2RyPh6sGa1Eu", "LOG_LEVEL": "WARNING",
    "JWT_SIGNING_KEY": "Qw7Zr4Tn1Yp8Lx5Vb2Mc9Kd6Hf3Jg0Sa",
    "WEBHOOK_SECRETS_KEY": "Hs4Vb9Lw2Xe7Rt1Yq6Nc3Md8Kf5Jg0Pz",
    "FILES_SIGNING_KEY": "Zp3Kx8Qm1Vc6Bn4Tw9Ry2Hd7Lf0Sg5Ja",
    "SECURE_SSL_REDIRECT": "false", "PYTHONWARNINGS": "ignore",
    "READS_PER_MINUTE": "100000000", "WRITES_PER_MINUTE": "100000000", "THROTTLE_BURST": "100000000",
}  # fmt: skip
POPULATE = """
import json, sys
from ondi.accounts.services import add_member
from ondi.accounts.sessions import begin_session
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from ondi.tenants.services import create_tenant
found = []
for number in range({tenants}):
    tenant = create_tenant(slug=f"tenant-{{number}}", name=f"Tenant {{number}}")
    with tenant_scope(tenant.id):
        PortalSettings.objects.update(values={{"allow_customer_close": True}})
        people = [("customer", False)] * {customers} + [("agent", True)] * {agents}
        members = [
            add_member(tenant_id=tenant.id, email=f"p{{place}}@t{{number}}.example", first_name=f"Person {{place}}",
                       role=role, is_support_user=desk)
            for place, (role, desk) in enumerate(people)
        ]
    sessions = [begin_session(user_id=member.user_id, tenant_id=tenant.id) for member in members]
    people = [{{"id": str(member.id), "role": member.role, "token": session.access_token}}
              for member, session in zip(members, sessions)]
    found.append({{"id": str(tenant.id), "slug": tenant.slug, "people": people}})
print(json.dumps(found))
"""


@dataclass
class Product:
    url: str
    folder: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    tenants: list[dict[str, Any]] = field(default_factory=list)

    def caller(self, token: str | None = None, **options: Any) -> Caller:
        return Caller(self.url, token, **options)

    def customers(self) -> list[tuple[int, str]]:
        """Everybody's tenant, by its place, and token."""
        return self._people("customer")

    def agents(self) -> list[tuple[int, str]]:
        return self._people("agent")

    def _people(self, role: str) -> list[tuple[int, str]]:
        return [
            (place, person["token"])
            for place, tenant in enumerate(self.tenants)
            for person in tenant["people"]
            if person["role"] == role
        ]

    def workers(self) -> list[int]:
        """The processes that answer requests."""
        return [pid for pid in children_of(self.process.pid) if b"ondi.beside" not in command_of(pid)]

    def kill_a_worker(self) -> bool:
        """`kill -9` one that has been up for a while; False where none has."""
        settled = [pid for pid in self.workers() if age_of(pid) > SETTLED]
        if settled:
            os.kill(random.choice(settled), signal.SIGKILL)
        return bool(settled)

    def memory(self) -> dict[int, int]:
        """Resident kilobytes of each worker."""
        return {pid: resident(pid) for pid in self.workers()}

    def owner(self) -> psycopg.Connection[Any]:
        """A connection as the schema's owner, who sees everything."""
        return owner()

    def socket_directory(self) -> str:
        return str(embedded_postgres.socket_directory())

    def stop_database(self, how: str) -> None:
        stop_database(how)

    def start_database(self) -> None:
        start_database()

    def cluster(self) -> Any:
        return cluster()


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def age_of(pid: int) -> float:
    """Seconds since this process began; 0 where it is gone."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return 0.0
    up = float(Path("/proc/uptime").read_text().split()[0])
    return up - ticks / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def prepared(folder: Path | None = None, **more: str) -> tuple[Path, dict[str, str]]:
    """A private database with the schema and no rows, held until this process ends: its folder, and the environment.

    `more`: settings from the environment.
    """
    leave_in_order()
    home = folder or Path(tempfile.mkdtemp(prefix="ondi-run-"))
    if folder is None:
        atexit.register(shutil.rmtree, home, ignore_errors=True)  # after the database, which goes first
    home.chmod(0o755)
    os.environ["ONDI_DATA_DIR"] = str(home / "data")
    environment = {**os.environ, **ENVIRONMENT}
    environment.pop("DJANGO_SETTINGS_MODULE", None)  # that of the tests
    environment |= more
    begin_with_schema(home / "data")
    embedded_postgres.hold()  # the database outlives the product, and is stopped when this process ends
    return home, environment


def owner() -> psycopg.Connection[Any]:
    """A connection as the schema's owner, who sees everything."""
    host = str(embedded_postgres.socket_directory())
    return psycopg.connect(dbname="ondi", user="ondi_owner", host=host, autocommit=True)


def database_url(role: str) -> str:
    """For processes that are not to start the private database themselves, as they do without it."""
    return f"postgres://{role}@{quote(str(embedded_postgres.socket_directory()), safe='')}/ondi"


def cluster() -> Any:
    """The private database as a whole."""
    return embedded_postgres._Cluster(embedded_postgres.data_directory())


def stop_database(how: str) -> None:
    """As `pg_ctl` names the ways."""
    ours = cluster()
    ours._run("pg_ctl", "stop", "-D", str(ours.data), "-m", how, "-w", check=False)


def start_database() -> None:
    cluster().ensure_running()


@contextmanager
def product(
    *, workers: int = 2, tenants: int = 2, customers: int = 8, agents: int = 2, folder: Path | None = None,
    fill: Callable[[], None] | None = None, **more: str
) -> Iterator[Product]:  # fmt: skip
    """Start it, filled with people; stop everything at the end. `more`: settings from the environment.

    `folder`: where the data goes; a new folder when left out. `fill`: fills the empty database instead.
    """
    port = {"PORT": os.environ.get("PORT") or str(two_free_ports())}
    home, environment = prepared(folder, WEB_WORKERS=str(workers), **(port | more))
    if fill is not None:
        fill()
        people = []
    else:
        script = POPULATE.format(tenants=tenants, customers=customers, agents=agents)
        people = json.loads(manage(environment, "shell", "--no-imports", "-c", script).splitlines()[-1])
    with (home / "product.log").open("wb") as log:
        command = [sys.executable, "-m", "ondi.serve"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    url = f"http://127.0.0.1:{environment['PORT']}"
    running = Product(url, home, environment, process, people)
    try:
        wait_until(lambda: process.poll() is not None or running.caller().is_ready(), "the product is not up")
        if process.poll() is not None:
            sys.exit(f"the product did not start:\n{(home / 'product.log').read_text()[-3000:]}")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=WAIT_SECONDS)


@contextmanager
def beside(command: list[str], port: int, name: str, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Another program, once it listens on its port; ended at the end."""
    process = subprocess.Popen(command, **options)
    try:
        wait_until(lambda: listens(port) or process.poll() is not None, f"{name} is not up")
        if process.poll() is not None:
            sys.exit(f"error: {name} did not start.")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def leave_in_order() -> None:
    """When told to end, end what was started too."""
    signal.signal(signal.SIGTERM, lambda *_of: sys.exit(128 + signal.SIGTERM))


def told_by(command: list[str]) -> str:
    """What this program writes. Whoever interrupts waits until it has ended what it started."""
    leave_in_order()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            found = process.communicate()[0]
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        sys.exit(process.returncode)
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pid: int, *, with_ended: bool = False) -> float:
    """Of this process, and of those of its children that have ended; 0 where it is gone itself."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / os.sysconf("SC_CLK_TCK")


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"manage.py {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


def wait_until(true: Any, otherwise: str, seconds: float = WAIT_SECONDS) -> float:
    """Wait until `true()`; how many seconds it took."""
    start = time.monotonic()
    while not true():
        if time.monotonic() - start > seconds:
            raise TimeoutError(otherwise)
        time.sleep(0.05)  # another process tells of itself only when asked
    return time.monotonic() - start


def somebody_waits_for(holder: "psycopg.Connection[Any]") -> bool:
    """Whether another connection wants what this one's transaction has locked."""
    found = holder.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
    ).fetchone()
    return bool(found and found[0])


def two_free_ports() -> int:
    """The first of two that follow each other: `make serve` takes both."""
    return _free_ports(2)


def free_port() -> int:
    return _free_ports(1)


def _free_ports(number: int) -> int:
    """The first of so many in a row, below those that the system gives to clients, who might take it meanwhile."""
    for _try in range(100):
        first = PORTS.start + secrets.randbelow(len(PORTS) - number)
        if all(is_free(port) for port in range(first, first + number)):
            return first
    raise RuntimeError("no free ports follow each other")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
