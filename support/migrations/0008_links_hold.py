"""Links that let go of a row that was deleted hold it from now on: `TenantLinks` no longer nulls behind one's back."""

from typing import Any

from django.db import migrations

LETTING_GO = """
SELECT conrelid::regclass::text, conname, split_part(pg_get_constraintdef(oid), ' ON DELETE ', 1) FROM pg_constraint
WHERE contype = 'f' AND conname LIKE '%\\_in\\_tenant' AND confdeltype <> 'a' ORDER BY 1, 2
"""


def hold(_apps: Any, schema_editor: Any) -> None:
    """Each by itself, and looked through afterwards, so that nobody waits for a large table. Can be run again."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (patience,) = cursor.fetchone()
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(LETTING_GO)
        for table, name, definition in cursor.fetchall():
            cursor.execute(
                f'ALTER TABLE {table} DROP CONSTRAINT "{name}", '
                f'ADD CONSTRAINT "{name}" {definition} DEFERRABLE INITIALLY DEFERRED NOT VALID'
            )
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'f' AND conname LIKE '%\\_in\\_tenant' AND NOT convalidated ORDER BY 1, 2"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT "{name}"')
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [patience])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [
        ("support", "0007_addresses"),
        ("accounts", "0003_api_keys"),
        ("conversations", "0003_links_hold"),
        ("deliveries", "0003_links_hold"),
    ]

    operations = [migrations.RunPython(hold, migrations.RunPython.noop)]
