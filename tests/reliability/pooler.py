"""`make pooler`: the product behind Debian's PgBouncer, in transaction mode with two connections for all.

The load of `make soak` with its checks, then what must hold there: no prepared statement on any connection, the
timeouts of the role, nothing left set. Exits with 1 otherwise. `POOLER_SECONDS` (30) sets how long.
"""

import atexit
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ondi import embedded_postgres
from tests.reliability.chaos import Figures, report
from tests.reliability.product import ROOT, beside, free_port, product
from tests.reliability.soak import soak

SECONDS = float(os.environ.get("POOLER_SECONDS", "30"))
CONNECTIONS = 2
SHIPPED = ROOT / "deploy" / "pgbouncer.ini"


@contextmanager
def pgbouncer(folder: Path) -> Iterator[int]:
    """The shipped configuration with other addresses, few connections and no passwords; gives its port."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        sys.exit("error: PgBouncer is needed; on Debian: make pooler-deps")
    port = free_port()
    users, configuration = folder / "userlist.txt", folder / "pgbouncer.ini"
    users.write_text('"ondi" ""\n"ondi_owner" ""\n')
    configuration.write_text(
        SHIPPED.read_text()
        .replace("host=/var/run/postgresql", f"host={embedded_postgres.socket_directory()}")
        .replace("listen_port = 6432", f"listen_port = {port}\nunix_socket_dir =")
        .replace("scram-sha-256", "trust")
        .replace("/etc/pgbouncer/userlist.txt", str(users))
        .replace("default_pool_size = 20", f"default_pool_size = {CONNECTIONS}")
    )
    command = [program, str(configuration)]
    if os.geteuid() == 0:  # it will not run as root, but as whoever the database runs as
        command[1:1] = ["-u", pwd.getpwuid(embedded_postgres.socket_directory().stat().st_uid).pw_name]
    with beside(command, port, "PgBouncer", stderr=subprocess.DEVNULL):
        yield port


def pooled() -> tuple[Figures, list[str]]:
    folder = Path(tempfile.mkdtemp(prefix="ondi-pooler-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # after the database, which goes first
    folder.chmod(0o755)
    os.environ["ONDI_DATA_DIR"] = str(folder / "data")
    embedded_postgres.hold()
    with pgbouncer(folder) as port:
        socket = str(embedded_postgres.socket_directory()).replace("/", "%2F")
        addresses = {
            "DATABASE_URL": f"postgres://ondi@127.0.0.1:{port}/ondi", "DATABASE_POOLER": "true",
            "DATABASE_OWNER_URL": f"postgres://ondi_owner@{socket}/ondi",
        }  # fmt: skip
        with product(tenants=4, customers=10, agents=2, folder=folder, **addresses) as running:
            figures, faults = soak(running, seconds=SECONDS, clients=16)
            looked, more = look(port)
    return {**figures, **looked}, [*faults, *more]


def look(port: int) -> tuple[Figures, list[str]]:
    """What stands on the connections the pooler keeps."""
    with psycopg.connect(host="127.0.0.1", port=port, user="ondi", dbname="ondi", prepare_threshold=None) as connection:
        backends = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'ondi' AND backend_type = 'client backend'"
        ).fetchone()
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
        scope = connection.execute("SELECT current_setting('ondi.tenants', true)").fetchone()
        limits = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
    faults = []
    if not backends or backends[0] > CONNECTIONS:
        faults.append(f"{backends} connections at the database")
    if prepared != (0,):
        faults.append(f"{prepared} prepared statements are left")
    if scope not in ((None,), ("",)):
        faults.append(f"a scope is left: {scope}")
    if limits != [("15s",), ("10s",), ("1min",)]:
        faults.append(f"timeouts: {limits}")
    return {"connections at the database": backends and backends[0], "timeouts": limits}, faults


def main() -> None:
    figures, faults = pooled()
    report("behind a pooler", figures, faults)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
