"""A tenant whose row of portal settings is gone: every setting is at its default, and the row comes back."""

import pytest

from ondi.accounts.models import SettingsChange
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from support.settings.portal import Portal
from support.settings.services import update_portal_settings
from tests.factories import PASSWORD, MemberFactory, TenantFactory, actor
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin():
    admin = MemberFactory(tenant=TenantFactory(allow_customer_close=True), admin=True)
    with tenant_scope(admin.tenant_id):
        PortalSettings.objects.all().delete()
    return admin


def test_its_people_come_in(admin, api):
    answer = api.post("/auth/login", {"email": admin.user.email, "password": PASSWORD})

    assert answer.status_code == 200
    assert api.as_(admin).get("/users/me").status_code == 200
    assert workbench(admin.user).get("/admin/tenants/portalsettings/").status_code == 200
    assert Portal.of(actor(admin)) == Portal()


def test_a_change_makes_the_row(admin):
    with tenant_scope(admin.tenant_id):
        update_portal_settings(actor=actor(admin), changes={"support_chat_enabled": False})

        assert PortalSettings.objects.get().values == {"support_chat_enabled": False}
        assert SettingsChange.objects.get().before == {"support_chat_enabled": True}
