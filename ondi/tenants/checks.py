"""What `manage.py check --database default` says of the tenants there are; `migrate` and `make serve` ask it too."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError, transaction

from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import find_tenants, tenant_scope


@register(Tags.database)
def tenants_have_settings(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """One sentence for each tenant that nobody can enter, because its portal settings are missing."""
    if not databases or "default" not in databases:
        return []
    return [
        checks.Warning(
            f"The tenant {slug} has no portal settings, so nobody can enter it.",
            hint="`manage.py doctor` names it, and `manage.py repair` makes them, with everything switched off.",
            id="ondi.W001",
        )
        for slug in without_settings()
    ]


def without_settings() -> list[str]:
    """The slugs of tenants without their settings; none where there are no tables yet."""
    try:
        with transaction.atomic():
            tenants = find_tenants()
            with tenant_scope(*tenants.values()):
                there = set(PortalSettings.objects.values_list("tenant_id", flat=True))
    except DatabaseError:
        return []
    return sorted(slug for slug, tenant_id in tenants.items() if tenant_id not in there)
