"""What hangs on a row, by the database's own catalogue: no list of links in code could be forgotten."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

# One row a link; of a composite one the part that is not the tenant.
_LINKS = """
SELECT child.relname, mine.attname, parent.relname, key.attname FROM pg_constraint AS link
JOIN pg_class AS child ON child.oid = link.conrelid JOIN pg_class AS parent ON parent.oid = link.confrelid
JOIN pg_index AS own ON own.indrelid = child.oid AND own.indisprimary
JOIN pg_attribute AS key ON key.attrelid = child.oid AND key.attnum = own.indkey[0]
CROSS JOIN LATERAL unnest(link.conkey, link.confkey) AS part (mine, theirs)
JOIN pg_attribute AS mine ON mine.attrelid = child.oid AND mine.attnum = part.mine
JOIN pg_attribute AS theirs ON theirs.attrelid = parent.oid AND theirs.attnum = part.theirs
WHERE link.contype = 'f' AND link.connamespace = 'public'::regnamespace
    AND (cardinality(link.conkey) = 1 OR theirs.attname <> 'tenant_id')
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A column of `child` (whose key is `key`) that names rows of `parent`."""

    child: str
    column: str
    parent: str
    key: str


@dataclass(frozen=True, slots=True)
class Hanging:
    """The row `child_id` of `child` names the row `parent_id` of `parent` in its `column`."""

    parent: str
    parent_id: UUID
    child: str
    child_id: Any
    column: str


def links_of_database() -> list[Link]:
    """Every link there is."""
    with connection.cursor() as cursor:
        cursor.execute(_LINKS)
        return [Link(*row) for row in cursor.fetchall()]


def what_hangs_on(links: Collection[Link], table: str, keys: Collection[UUID]) -> Iterator[Hanging]:
    """Every row in scope that names one of these; one statement a link."""
    with connection.cursor() as cursor:
        for link in links:
            if link.parent == table:
                cursor.execute(
                    f'SELECT "{link.column}", "{link.key}" FROM "{link.child}" WHERE "{link.column}" = ANY (%s)',  # noqa: S608 - the catalogue's
                    [list(keys)],
                )
                for parent_id, child_id in cursor.fetchall():
                    yield Hanging(table, parent_id, link.child, child_id, link.column)
