"""Rows as they are, as JSON by the database itself: taken before and after, compared, and put back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from ondi.datafixes.fixes import Footprint

# An undo has its own history: these go on counting.
NOT_COMPARED = frozenset({"version", "updated_at"})
Rows = dict[tuple[str, str, UUID], dict[str, Any]]


def rows_in(footprint: Sequence[Footprint], parameters: Mapping[str, Any]) -> Rows:
    """The rows now, by item, table and key; one statement a table. `parameters` go into the conditions."""

    found: Rows = {}
    with connection.cursor() as cursor:
        for part in footprint:
            cursor.execute(
                f"SELECT ({part.item})::text, t.{part.key}, {_image(part.table)} FROM {part.table} AS t "  # noqa: S608 - ours
                f"WHERE {part.condition} ORDER BY t.{part.key}",
                parameters,
            )
            for item, key, row in cursor.fetchall():
                found[item, part.table, key] = json.loads(row)
    return found


def changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Whether these are different rows, but for what goes on counting."""
    return _compared(before) != _compared(after)


def _compared(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if name not in NOT_COMPARED}


def current(table: str, row_id: UUID) -> dict[str, Any] | None:
    """The row as it is now, locked; None where there is none."""

    with connection.cursor() as cursor:
        key = key_column(table)
        cursor.execute(
            f'SELECT {_image(table)} FROM "{table}" AS t WHERE {key} = %s FOR NO KEY UPDATE',  # noqa: S608
            [row_id],
        )
        row = cursor.fetchone()
    return json.loads(row[0]) if row else None


def put_back(table: str, row_id: UUID, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
    """Make the row what it was. Raises `IntegrityError` where something else stands on it now."""

    key = key_column(table)
    with connection.cursor() as cursor:
        if before is None:
            cursor.execute(f'DELETE FROM "{table}" WHERE {key} = %s', [row_id])  # noqa: S608
        elif after is None:
            names = ", ".join(f'"{name}"' for name in sorted(before))
            cursor.execute(
                f'INSERT INTO "{table}" ({names}) SELECT {names} '  # noqa: S608
                f'FROM jsonb_populate_record(NULL::"{table}", %s)',
                [json.dumps(before)],
            )
        else:
            columns = sorted(name for name in before if name not in NOT_COMPARED and name != key)
            names = ", ".join(f'"{name}"' for name in columns)
            cursor.execute(
                f'UPDATE "{table}" SET ({names}) = (SELECT {names} FROM jsonb_populate_record(NULL::"{table}", %s)) '  # noqa: S608
                f"WHERE {key} = %s",
                [json.dumps(before), row_id],
            )


def _image(table: str) -> str:
    """SQL of a row as JSON text, but for the columns the database computes from the others."""
    computed = f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attgenerated <> ''"  # noqa: S608
    return f"(to_jsonb(t) - ARRAY({computed})::text[])::text"


def key_column(table: str) -> str:
    """Counters and settings are keyed by their tenant."""
    return "tenant_id" if table in ("support_ticketcounter", "tenants_portalsettings") else "id"
