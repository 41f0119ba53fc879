"""The tenant scope: the list of tenants whose rows this transaction may see and write.

It is a transaction-local setting that the row-level-security policies read. Nothing set: no rows.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from ondi.common.database import SCOPE_SETTING


def set_scope(tenant_ids: Iterable[UUID]) -> None:
    """Let the current transaction see exactly these tenants, until it ends."""
    scope = ",".join(str(tenant_id) for tenant_id in tenant_ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [SCOPE_SETTING, scope])


@contextmanager
def tenant_scope(*tenant_ids: UUID) -> Iterator[None]:
    """A transaction that sees exactly these tenants; the surrounding scope, if any, is back afterwards."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting(%s, true)", [SCOPE_SETTING])
            before = (cursor.fetchone() or [""])[0] or ""
        set_scope(tenant_ids)
        yield
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [SCOPE_SETTING, before])


def find_tenants(*slugs: str) -> dict[str, UUID]:
    """The ids of the tenants with these slugs, or of all tenants when none is named.

    For management commands, which name tenants by slug before they have a scope.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT slug, id FROM ondi_tenants(%s)", [list(slugs) or None])
        return dict(cursor.fetchall())
