"""Many rows in one statement are what one by one they would be."""

import pytest
from django.db import DataError
from django.utils import timezone

from ondi.common.prepared import insert_many
from ondi.tenants.scope import tenant_scope
from support.models import Calendar, CalendarVersion
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)


def versions(tenant, zones):
    calendar = Calendar.objects.create(tenant=tenant, name="Hours")
    exceptions = {"2026-12-25": {"name": 'Eid "al-Fitr" {\\}, عيد', "windows": []}}
    return [
        CalendarVersion(
            tenant=tenant, calendar=calendar, number=number, time_zone=zone, days=[[[0, 60]]] * 7,
            exceptions=exceptions, created_at=timezone.now(),
        )
        for number, zone in enumerate(zones, start=1)
    ]  # fmt: skip


def test_many_rows_come_as_they_were_given():
    tenant = TenantFactory()
    with tenant_scope(tenant.id):
        rows = versions(tenant, ["UTC", "Asia/Baghdad", "it's {odd}, \\"])
        insert_many(rows)

        stored = CalendarVersion.objects.order_by("number").values_list("id", "time_zone", "exceptions", "created_at")
        assert list(stored) == [(one.id, one.time_zone, one.exceptions, one.created_at) for one in rows]
        assert not rows[0]._state.adding
        insert_many([])


def test_what_is_too_long_is_refused_and_not_cut_off():
    tenant = TenantFactory()
    with pytest.raises(DataError), tenant_scope(tenant.id):
        insert_many(versions(tenant, ["UTC", "x" * 65]))
