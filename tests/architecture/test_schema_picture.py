"""The doctor knows the schema that the migrations make, and names what differs from it."""

import io
import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from support.fixes.schema import PICTURE, differences, picture, written

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_schema_is_written_down():
    if os.environ.get("ONDI_SCHEMA") == "write":
        PICTURE.write_text(written(picture()))
    assert PICTURE.read_text() == written(picture()), "run: python -m tests.schema"
    assert list(differences()) == []


ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = """
    SELECT f.proname, pg_get_functiondef(f.oid) FROM pg_proc AS f
    WHERE f.pronamespace = 'public'::regnamespace AND f.proname LIKE 'ondi%'
"""


def file_of(function):
    """`sql/` beside the migrations that make it, of the app that made it first."""
    made = sorted(ROOT.glob("*/migrations/*.py")) + sorted(ROOT.glob("ondi/*/migrations/*.py"))
    apps = {path.parents[1] for path in made if re.search(rf"FUNCTION (public\.)?{function}\(", path.read_text())}
    assert len(apps) == 1, f"{function} is made by {sorted(apps)}"
    return apps.pop() / "sql" / f"{function}.sql"


def test_functions_written_down_are_those_of_the_database():
    """A migration is how a function came to be; what it is now, people read in its file."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
        functions = {file_of(name): f"{text.rstrip()};\n" for name, text in cursor.fetchall()}
    there = {path for folder in {path.parent for path in functions} for path in folder.glob("*.sql")}
    if os.environ.get("ONDI_SCHEMA") == "write":
        for path in there - functions.keys():
            path.unlink()
        for path, text in functions.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        there = set(functions)

    assert there == set(functions), "run: python -m tests.schema"
    assert {path: path.read_text() for path in there} == functions, "run: python -m tests.schema"


@contextmanager
def drifted(owner, change, back):
    owner().execute(change)
    try:
        yield list(differences())
    finally:
        owner().execute(back)
    assert list(differences()) == []


POLICY = "CREATE POLICY app ON support_ticket TO ondi USING ({0}) WITH CHECK ({0})"
SCOPE = (
    "tenant_id = ANY ((SELECT string_to_array(NULLIF(current_setting('ondi.tenants', true), ''), ',')::uuid[])::uuid[])"
)


@pytest.mark.parametrize(("change", "back", "named"), [
    ("ALTER TABLE support_ticket DISABLE ROW LEVEL SECURITY", "ALTER TABLE support_ticket ENABLE ROW LEVEL SECURITY",
     "table support_ticket"),
    ("ALTER TABLE orders_order NO FORCE ROW LEVEL SECURITY", "ALTER TABLE orders_order FORCE ROW LEVEL SECURITY",
     "table orders_order"),
    (f"DROP POLICY app ON support_ticket; {POLICY.format('true')}", f"DROP POLICY app ON support_ticket; {POLICY.format(SCOPE)}",
     "policy app of support_ticket"),
    ("CREATE POLICY more ON support_ticketnote FOR SELECT TO ondi USING (true)", "DROP POLICY more ON support_ticketnote",
     "policy more of support_ticketnote"),
    ("DROP INDEX support_ticket_one_open_per_delivery",
     "CREATE UNIQUE INDEX support_ticket_one_open_per_delivery ON support_ticket (tenant_id, delivery_id) WHERE status = 'open'",
     "index support_ticket_one_open_per_delivery of support_ticket"),
    ("CREATE UNIQUE INDEX odd ON support_ticket (tenant_id, subject)", "DROP INDEX odd", "index odd of support_ticket"),
    ("ALTER TABLE support_ticket DROP CONSTRAINT support_ticket_closed_has_time; ALTER TABLE support_ticket ADD CONSTRAINT "
     "support_ticket_closed_has_time CHECK (status <> 'x')",
     "ALTER TABLE support_ticket DROP CONSTRAINT support_ticket_closed_has_time; ALTER TABLE support_ticket ADD CONSTRAINT "
     "support_ticket_closed_has_time CHECK ((closed_at IS NOT NULL AND status = 'closed' AND waiting_on IS NULL) OR "
     "(closed_at IS NULL AND status = 'open' AND waiting_on IS NOT NULL))",
     "constraint support_ticket_closed_has_time of support_ticket"),
    ("ALTER TABLE support_ticketnote DROP CONSTRAINT support_ticketnote_ticket_id_in_tenant",
     "ALTER TABLE support_ticketnote ADD CONSTRAINT support_ticketnote_ticket_id_in_tenant FOREIGN KEY (tenant_id, ticket_id) "
     "REFERENCES support_ticket (tenant_id, id) DEFERRABLE INITIALLY DEFERRED",
     "constraint support_ticketnote_ticket_id_in_tenant of support_ticketnote"),
    ("ALTER TABLE support_ticket ALTER COLUMN requester_id DROP NOT NULL", "ALTER TABLE support_ticket ALTER COLUMN requester_id SET NOT NULL",
     "column requester_id of support_ticket"),
    ("ALTER FUNCTION ondi_erase_customer(uuid) SECURITY INVOKER", "ALTER FUNCTION ondi_erase_customer(uuid) SECURITY DEFINER",
     "function ondi_erase_customer(wanted_member uuid)"),
    ("ALTER FUNCTION ondi_erase_customer(uuid) RESET search_path",
     "ALTER FUNCTION ondi_erase_customer(uuid) SET search_path = pg_catalog, pg_temp", "function ondi_erase_customer(wanted_member uuid)"),
    ("GRANT EXECUTE ON FUNCTION ondi_tenants(text[]) TO PUBLIC", "REVOKE EXECUTE ON FUNCTION ondi_tenants(text[]) FROM PUBLIC",
     "function ondi_tenants(wanted text[])"),
    ("CREATE FUNCTION everything() RETURNS SETOF support_ticket LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM support_ticket'",
     "DROP FUNCTION everything()", "function everything()"),
    ("CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
     "CREATE TRIGGER odd BEFORE INSERT ON support_ticketnote FOR EACH ROW EXECUTE FUNCTION odd()",
     "DROP FUNCTION odd() CASCADE", "trigger odd of support_ticketnote"),
    ("CREATE RULE odd AS ON INSERT TO support_ticketnote DO INSTEAD NOTHING", "DROP RULE odd ON support_ticketnote",
     "rule odd of support_ticketnote"),
    ("GRANT UPDATE ON support_ticketevent TO ondi", "REVOKE UPDATE ON support_ticketevent FROM ondi", "rights of ondi of support_ticketevent"),
    ("GRANT SELECT ON accounts_user TO PUBLIC", "REVOKE SELECT ON accounts_user FROM PUBLIC", "rights of public of accounts_user"),
], ids=lambda value: value[:60])  # fmt: skip
def test_drift_is_named(owner, change, back, named):
    with drifted(owner, change, back) as found:
        assert [line.split(" is ")[0] for line in found] == [named]


def test_a_changed_body_of_a_function_is_named(owner):
    (definition,) = owner().execute("SELECT pg_get_functiondef('ondi_search_conversations'::regproc)").fetchone()
    changed = definition.replace("here.tenant_id = tenant AND", "", 1)
    assert changed != definition
    with drifted(owner, changed, definition) as found:
        assert [line.split(" is ")[0] for line in found] == ["function ondi_search_conversations(term text)"]


def test_what_makes_it_quicker_is_an_operators_own(owner):
    change = ("CREATE INDEX quick ON support_ticket (tenant_id, subject); CREATE TABLE theirs (id int); "
              "ALTER TABLE orders_order SET (fillfactor = 80); CREATE STATISTICS more ON status, source FROM support_ticket")  # fmt: skip
    back = "DROP STATISTICS more; DROP INDEX quick; DROP TABLE theirs; ALTER TABLE orders_order RESET (fillfactor)"
    with drifted(owner, change, back) as found:
        assert found == []


def test_the_doctor_tells_of_drift(owner):
    owner().execute("DROP POLICY app ON support_tag")
    out = io.StringIO()
    try:
        with pytest.raises(CommandError, match="not as it has to be"):
            call_command("doctor", "--json", stdout=out)
    finally:
        owner().execute(f"CREATE POLICY app ON support_tag TO ondi USING ({SCOPE}) WITH CHECK ({SCOPE})")
    (report,) = json.loads(out.getvalue())
    assert (report["finding"], report["tenant"], report["count"]) == ("schema", None, 1)
    assert "policy app of support_tag is missing" in report["examples"][0]


def test_a_database_of_another_version_is_said_to_be_one(owner):
    newest = "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations) RETURNING app, name"
    (last,) = owner().execute(newest).fetchall()
    try:
        with pytest.raises(CommandError, match=rf"{last[0]}\.{last[1]}.*manage.py migrate"):
            call_command("doctor", stdout=io.StringIO())
    finally:
        owner().execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, now())", last)
