"""A tenant whose row of portal settings is gone: who looks is told in a sentence."""

import io

import pytest
from django.core.management import call_command

from ondi.accounts.entering import acting_as
from ondi.accounts.models import Membership
from ondi.tenants.checks import without_settings
from ondi.tenants.errors import SettingsMissing
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from tests.factories import PASSWORD, MemberFactory, TenantFactory
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member():
    TenantFactory(slug="whole")
    member = MemberFactory(tenant=TenantFactory(slug="tigris"), agent=True)
    with tenant_scope(member.tenant_id):
        PortalSettings.objects.all().delete()
    return member


def test_the_check_names_it(member, capsys):
    assert without_settings() == ["tigris"]

    call_command("check", "--database", "default", stderr=(said := io.StringIO()))

    assert "The tenant tigris has no portal settings, so nobody can enter it." in said.getvalue()
    assert "whole" not in said.getvalue()


def test_the_check_is_silent_before_there_are_tables(owner):
    owner().execute("ALTER TABLE tenants_portalsettings RENAME TO elsewhere")
    try:
        assert without_settings() == []
    finally:
        owner().execute("ALTER TABLE elsewhere RENAME TO tenants_portalsettings")


def test_who_speaks_in_its_name_says_so(member):
    with tenant_scope(member.tenant_id), pytest.raises(SettingsMissing) as refusal:
        acting_as(Membership.objects.select_related("user", "tenant").get(pk=member.pk))

    assert str(refusal.value) == "tigris: This tenant has no portal settings, so nobody can enter it."


def test_nobody_is_let_in_and_nothing_breaks(member, api):
    answer = api.post("/auth/login", {"email": member.user.email, "password": PASSWORD})

    assert answer.status_code == 401
    assert workbench(member.user).get("/admin/support/ticket/").status_code == 302
