"""The drill: back up, destroy, restore, with the scripts an operator uses and as the role they use."""

import io
import os
import shutil
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from psycopg import sql

from ondi import embedded_postgres
from ondi.files.backends import files_storage
from ondi.files.checking import check_due
from ondi.files.services import delete_draft
from ondi.files.storage import store
from ondi.files.sweeping import delete_unnamed, sweep
from ondi.tenants.scope import tenant_scope
from tests.factories import (
    DeliveryFactory,
    MemberFactory,
    OrderFactory,
    TenantFactory,
    actor,
    make_file,
    make_ticket,
)
from tests.files.conftest import use_files  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = {
    "walls": "SELECT relname, relrowsecurity, relforcerowsecurity, "
    "COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))::text FROM pg_class "
    "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1",
    "policies": "SELECT * FROM pg_policies ORDER BY tablename, policyname",
    "functions": "SELECT proname, prosecdef, proconfig, proacl::text, prosrc, pg_get_userbyid(proowner) FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'ondi%' ORDER BY 1",
    "constraints": "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated "
    "FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "owners": "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    "later tables": "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 2",
}


def parameters(**changes):
    given = connections["owner"].get_connection_params()
    kept = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if name in given}
    return {**kept, **changes}


@pytest.fixture
def scratch(owner):
    """A name for a database that is gone afterwards."""
    name = f"{parameters()['dbname']}_drill"
    yield name
    # Not by force: an autovacuum worker, which anybody may send away so, is a superuser's and not ours to end.
    owner().execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def tools():
    """The folder of pg_dump: the private PostgreSQL's, or the machine's where another server is used."""
    if os.environ.get("DATABASE_URL"):
        return str(Path(shutil.which("pg_dump") or "/usr/bin/pg_dump").parent)
    return str(embedded_postgres._Cluster(embedded_postgres.data_directory()).binaries)


def run(script, file, database, *, files=None, fails=False):
    given = parameters(dbname=database)
    login = quote(given["user"], "") + (f":{quote(given['password'], '')}" if given.get("password") else "")
    place = quote(str(given.get("host", "")), "") + (f":{given['port']}" if given.get("port") else "")
    environment = {"PATH": f"{tools()}:{os.defpath}", "DATABASE_OWNER_URL": f"postgres://{login}@{place}/{database}"}
    if files:
        environment["ONDI_FILES_DIR"] = str(files)
    done = subprocess.run(
        [ROOT / "deploy" / script, file], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 1) if fails else (done.returncode == 0), done.stderr
    return done.stderr


def picture_of(database):
    """Every table's number of rows and hash, and everything the catalogue says of walls and rules."""
    with psycopg.connect(**parameters(dbname=database)) as reader:
        tables = reader.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        rows = {}
        for (table,) in tables:
            query = sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t")
            rows[table] = reader.execute(query.format(sql.Identifier(table))).fetchone()
        return {"rows": rows, **{name: reader.execute(query).fetchall() for name, query in CATALOGUE.items()}}


@contextmanager
def product_on(database):
    """The application's connection stands before another database meanwhile."""
    settings = connections["default"].settings_dict
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = database
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before


def create(owner, name):
    owner().execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name)))


def test_what_is_restored_is_what_was_backed_up(owner, scratch, tmp_path):
    for _number in range(3):
        customer = MemberFactory(tenant=TenantFactory())
        make_ticket(customer, delivery=DeliveryFactory(tenant=customer.tenant, customer=customer))
        make_ticket(customer, order=OrderFactory(tenant=customer.tenant, customer=customer))
    before = picture_of(parameters()["dbname"])
    assert before["rows"]["support_ticket"][0] == 6

    (tmp_path / "first.dump").touch(0o644)  # of a former version
    run("backup.sh", tmp_path / "first.dump", parameters()["dbname"])
    create(owner, scratch)
    run("restore.sh", tmp_path / "first.dump", scratch)
    run("backup.sh", tmp_path / "second.dump", scratch)
    for name in ("first.dump", "second.dump"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600, "for whoever made it alone"
    owner().execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(scratch)))
    create(owner, scratch)
    run("restore.sh", tmp_path / "second.dump", scratch)

    after = picture_of(scratch)
    for name, found in before.items():
        assert after[name] == found, name
    with psycopg.connect(**parameters(dbname=scratch)) as reader:
        known = "SELECT reltuples FROM pg_class WHERE relname = 'support_ticket'"
        assert reader.execute(known).fetchone() == (6,), "restored without statistics"
    with product_on(scratch):
        out = io.StringIO()
        call_command("doctor", stdout=out)
    assert out.getvalue().startswith("3 tenants, ")


def test_files_come_along(owner, scratch, tmp_path, use_files):  # noqa: F811 - the fixture
    use_files(files_storage(directory=tmp_path / "files"))
    customer = MemberFactory(tenant=TenantFactory(slug="tigris"))
    kept, checking, gone = make_file(customer), make_file(customer, state="checking"), make_file(customer)
    store().temporary("incoming/broken")
    with tenant_scope(customer.tenant_id):
        delete_draft(actor=actor(customer), file_id=gone.id)

    (tmp_path / "ondi.dump.files.tar").touch(0o644)  # of a former version
    run("backup.sh", tmp_path / "ondi.dump", parameters()["dbname"], files=tmp_path / "files")
    assert (tmp_path / "ondi.dump.files.tar").stat().st_mode & 0o777 == 0o600
    (tmp_path / "files").rename(tmp_path / "lost")
    create(owner, scratch)
    run("restore.sh", tmp_path / "ondi.dump", scratch, files=tmp_path / "files")

    assert {one.key for one in store().listing()} == {kept.stored_key(), checking.upload_key, gone.stored_key()}
    assert not list((tmp_path / "files" / ".receiving").glob("*"))
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "files").rglob("*")} == {0}
    with product_on(scratch):
        out = io.StringIO()
        call_command("doctor", "--files", stdout=out)
        assert out.getvalue().startswith("1 tenants, ")
        assert (check_due(), sweep(), delete_unnamed(at=timezone.now() + timedelta(days=1))) == (1, 1, 0)
    said = run("restore.sh", tmp_path / "ondi.dump", scratch, files=tmp_path / "files", fails=True)
    assert "is not empty" in said


def test_the_walls_stand_in_the_restored_database(owner, scratch, tmp_path):
    tickets = [make_ticket(MemberFactory(tenant=TenantFactory())) for _number in range(2)]
    run("backup.sh", tmp_path / "ondi.dump", parameters()["dbname"])
    create(owner, scratch)
    run("restore.sh", tmp_path / "ondi.dump", scratch)

    given = connections["default"].get_connection_params()
    login = {name: given[name] for name in ("user", "password", "host", "port") if name in given}
    with psycopg.connect(dbname=scratch, **login) as application:
        seen = "SELECT id FROM support_ticket"
        assert application.execute(seen).fetchall() == []
        application.execute("SELECT set_config('ondi.tenants', %s, true)", [str(tickets[0].tenant_id)])
        assert application.execute(seen).fetchall() == [(tickets[0].id,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("TRUNCATE support_ticket")


def test_a_backup_that_would_be_partial_is_refused(tmp_path):
    """As the application's role nothing is dumped by half: it stops with an error."""
    given = connections["default"].get_connection_params()
    environment = {
        "PATH": f"{tools()}:{os.defpath}",
        "PGHOST": str(given.get("host", "")),
        "PGPORT": str(given.get("port") or "5432"),
        "PGUSER": given["user"],
        "PGPASSWORD": str(given.get("password", "")),
    }
    command = ["pg_dump", "--format=custom", "--file", tmp_path / "x", parameters()["dbname"]]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode != 0
