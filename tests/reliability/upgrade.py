"""`make upgrade`: the first release with a million tickets in it (`SIZE` says how many), brought to this one.

The first release's own code makes the schema and loads the rows; this one's migrations run over them. Afterwards no row
is missing and none says anything else, and the schema is that of a new database. The short form, with people of the
first release, is `tests/accounts/test_upgrade.py`.
"""

import atexit
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from ondi import embedded_postgres
from tests.reliability.product import leave_in_order

ROOT = Path(__file__).resolve().parents[2]
FIRST_RELEASE = "589544d"
SIZE = int(os.environ.get("SIZE", "1000000"))
LOAD = "from tests.benchmarks.load import load; load(tickets={size}, tenants={tenants})"
# Each row as the first release knew it: what was added since is left out.
ROWS = """
SELECT count(*), COALESCE(sum(hashtextextended((SELECT string_agg(value, ',' ORDER BY key)
    FROM jsonb_each_text(to_jsonb(t)) WHERE key = ANY (%s)), 0)::numeric), 0) FROM {table} AS t
"""
COLUMNS = "SELECT array_agg(column_name::text) FROM information_schema.columns WHERE table_name = %s"
TABLES = ("accounts_membership", "support_ticket", "support_ticketevent", "conversations_conversation",
          "conversations_message", "conversations_participant")  # fmt: skip
WORTH_SAYING = 0.5  # seconds


def main() -> None:
    leave_in_order()
    home = Path(tempfile.mkdtemp(prefix="ondi-upgrade-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # after the database, which goes first
    home.chmod(0o755)
    os.environ |= {"ONDI_DATA_DIR": str(home / "data"), "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "ondi.settings"}
    old = code_of_the_first_release(home / "first")
    embedded_postgres.hold()
    run(old, "manage.py", "migrate", "--verbosity=0")
    run(old, "-c", LOAD.format(size=SIZE, tenants=max(2, SIZE // 50_000)))
    with superuser() as reader:
        columns = {table: reader.execute(COLUMNS, [table]).fetchone()[0] for table in TABLES}
        before = {table: rows(reader, table, columns[table]) for table in TABLES}
    say(f"{before['support_ticket'][0]:,} tickets of {FIRST_RELEASE}")
    migrate()
    with superuser() as reader:
        after = {table: rows(reader, table, columns[table]) for table in TABLES}
    faults = [f"{table}: {before[table]} became {after[table]}" for table in TABLES if before[table] != after[table]]
    faults += drift()
    say(*faults or ["held: every row is there and says what it said, and the schema is that of a new database"])
    sys.exit(bool(faults))


def code_of_the_first_release(folder: Path) -> Path:
    archive = subprocess.run(["git", "archive", FIRST_RELEASE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        sys.exit(f"error: the history of this checkout does not reach back to {FIRST_RELEASE}, the first release.")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def run(checkout: Path, *arguments: str) -> None:
    """Let a checkout's code run, on the database of this one."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"error: the first release's {arguments[:2]} failed:\n{done.stderr[-3000:]}")


def superuser() -> Any:
    """Somebody whom no wall hides a row from."""
    return psycopg.connect(
        dbname="ondi", user="postgres", host=str(embedded_postgres.socket_directory()), autocommit=True
    )


def rows(reader: Any, table: str, columns: list[str]) -> tuple[int, int]:
    """How many rows there are, and what they say in these columns, in one number."""
    return reader.execute(ROWS.format(table=table), [columns]).fetchone()


def drift() -> list[str]:
    from support.fixes.schema import differences

    return list(differences())


def migrate() -> None:
    import django
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    begun = started = time.monotonic()

    def told(action: str, migration: Any = None, fake: bool = False) -> None:
        nonlocal started
        took = time.monotonic() - started
        if action == "apply_success" and took > WORTH_SAYING:
            say(f"  {migration}: {took:.1f} s")
        started = time.monotonic()

    executor = MigrationExecutor(connections["owner"], told)
    executor.migrate(executor.loader.graph.leaf_nodes())
    connections.close_all()
    say(f"all migrations: {time.monotonic() - begun:.1f} s")


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
