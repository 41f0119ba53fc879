"""Who said something has read what stood before it, in that conversation; one row among its near misses."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ondi.common.ids import new_id
from ondi.notifications.models import Notification
from ondi.notifications.services import Said, mark_read_before
from ondi.tenants.scope import tenant_scope
from support import notices
from tests.factories import MemberFactory

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def test_what_stood_before_is_read_from_then_on_and_nothing_else(tenant):
    person, other = MemberFactory(tenant=tenant), MemberFactory(tenant=tenant)
    here, elsewhere = new_id(), new_id()
    read_long_ago = NOW - timedelta(days=1)
    rows = {
        "before": (person, here, 2, None), "at": (person, here, 3, None), "elsewhere": (person, elsewhere, 2, None),
        "another's": (other, here, 2, None), "read": (person, here, 1, read_long_ago),
        "without a place": (person, here, None, None),
    }  # fmt: skip
    with tenant_scope(tenant.id):
        for position, (name, (whose, conversation, sequence, read_at)) in enumerate(rows.items()):
            Notification.objects.create(
                tenant=tenant, membership=whose, notification_type=notices.REPLY, position=position,
                data={"name": name},
                conversation_id=conversation, sequence=sequence, read_at=read_at, created_at=NOW - timedelta(hours=1),
            )  # fmt: skip

        mark_read_before(tenant_id=tenant.id, said=[Said(person.id, here, 3, NOW)])

        found = {one.data["name"]: one.read_at for one in Notification.objects.filter(read_at__isnull=False)}
    assert found == {"before": NOW, "without a place": NOW, "read": read_long_ago}
