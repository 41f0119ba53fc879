"""From the first release: addresses are copied, and a login that opened several tenants opens one."""

import pytest
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from ondi.accounts.entering import tenants_of
from ondi.accounts.models import Membership, User
from ondi.accounts.sessions import begin_session
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from tests.client import ApiClient
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory
from tests.invitations import SECRET, link_for, open_link

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
BEFORE = [("tenants", "0002_database_rules"), ("accounts", "0003_api_keys"), ("support", "0006_storage")]


@pytest.fixture
def first_release(people, owner):
    """The schema of the first release; `upgrade()` makes it this one again."""
    latest = MigrationExecutor(connections["owner"]).loader.graph.leaf_nodes()

    def migrate(targets):
        connections["default"].close()
        MigrationExecutor(connections["owner"]).migrate(targets)

    migrate(BEFORE)
    try:
        yield owner(), lambda: migrate(latest)
    finally:
        migrate(latest)


@pytest.fixture
def people():
    """Logins and memberships as the first release had them, by name and tenant."""
    zagros, tigris, van = (TenantFactory(slug=slug) for slug in ("zagros", "tigris", "van"))
    logins = {
        "alone": UserFactory(email="alone@example.org"),
        "three": UserFactory(email="three@example.org"),
        "invited": UserFactory(email="invited@example.org", password=None),
        "invited twice": UserFactory(email="twice@example.org", password=None),
        "nameless": UserFactory(email=None, password=None),
        "operator": UserFactory(email="operator@example.org", is_superuser=True),
        "switched off": UserFactory(email="off@example.org", is_active=False),
    }
    where = {
        "alone": (zagros,), "three": (tigris, zagros, van), "invited": (zagros,), "invited twice": (van, zagros),
        "nameless": (zagros,), "operator": (zagros, tigris), "switched off": (tigris, van),
    }  # fmt: skip
    members = {
        (name, tenant.slug): MemberFactory(tenant=tenant, user=logins[name], external_id=name)
        for name, tenants in where.items() for tenant in tenants
    }  # fmt: skip
    return logins, members


@pytest.fixture
def sessions(people):
    """Of one login in two tenants; begun before the schema goes back, for this code enters by functions of its own."""
    _logins, members = people
    first, second = members["three", "tigris"], members["three", "zagros"]
    return [begin_session(user_id=one.user_id, tenant_id=one.tenant_id) for one in (first, second)]


def now_of(member):
    with tenant_scope(member.tenant_id):
        return Membership.objects.for_list().get(pk=member.pk)


def test_who_was_first_keeps_the_login_and_the_others_wait(api, people, sessions, first_release):
    """One test, for changing the schema takes a second."""
    logins, members = people
    database, upgrade = first_release
    database.execute("UPDATE accounts_membership SET erased_at = now() WHERE external_id = 'alone'")
    names = dict(database.execute("SELECT id, email FROM accounts_user").fetchall())
    assert names == {login.id: login.email for login in logins.values()}, "back again an address is a name"

    upgrade()

    kept = {key: now_of(member) for key, member in members.items()}
    same = {key for key, member in kept.items() if member.user_id == logins[key[0]].id}
    assert same == {
        ("alone", "zagros"), ("three", "tigris"), ("invited", "zagros"), ("invited twice", "van"),
        ("nameless", "zagros"), ("operator", "zagros"), ("operator", "tigris"), ("switched off", "tigris"),
    }  # fmt: skip
    assert len({member.user_id for member in kept.values()}) == len(logins) + 4, "each has a login of their own"
    assert {key: member.email for key, member in kept.items()} == {
        key: None if key[0] == "alone" else logins[key[0]].email for key in kept
    }, "who was erased has no address"
    assert {key for key, member in kept.items() if not member.waits} == {
        ("alone", "zagros"), ("three", "tigris"), ("operator", "zagros"), ("operator", "tigris"),
        ("switched off", "tigris"),
    }  # fmt: skip
    assert [kept["switched off", at].user.is_active for at in ("tigris", "van")] == [False, False]
    assert {member.user_id.version for member in kept.values()} == {7}
    assert not User.objects.exclude(email_proved_at=None).exists()

    # Password and sessions open the first one alone; the others' links join them.
    assert [ApiClient(one.access_token).get("/users/me").status_code for one in sessions] == [200, 401]
    assert api.post("/auth/refresh", {"refresh_token": sessions[1].refresh_token}).status_code == 401
    answer = api.post("/auth/login", {"email": "three@example.org", "password": PASSWORD})
    assert answer.json()["data"]["tenant"]["slug"] == "tigris"
    assert open_link(link_for(now_of(members["three", "zagros"]), "mailed")).status_code == 200
    assert [tenant["slug"] for tenant in tenants_of(logins["three"].id)] == ["tigris", "zagros"]
    assert open_link(link_for(now_of(members["invited", "zagros"]), "shown"), SECRET).status_code == 200


def test_settings_come_along_and_go_back(people, first_release):
    """`upgrade()` makes the document of the columns; the way back, columns of the document."""
    _logins, members = people
    database, upgrade = first_release
    tenant_id = members["alone", "zagros"].tenant_id
    columns = "allow_customer_close, support_chat_enabled, max_customer_priority, acknowledgement_html"
    values = dict(zip(columns.split(", "), (True, False, "low", {"en": "Hello"}), strict=True))
    database.execute(
        f"UPDATE tenants_portalsettings SET ({columns}) = (true, false, 'low', '{{\"en\": \"Hello\"}}') "
        "WHERE tenant_id = %s", [tenant_id],
    )  # fmt: skip

    upgrade()

    with tenant_scope(tenant_id):
        assert PortalSettings.objects.get().values == values
        PortalSettings.objects.update(values=values | {"max_customer_priority": "high"})
    connections["default"].close()
    MigrationExecutor(connections["owner"]).migrate(
        [("tenants", "0004_languages"), ("accounts", "0010_enter_with_scopes")]
    )
    row = database.execute(f"SELECT {columns} FROM tenants_portalsettings WHERE tenant_id = %s", [tenant_id]).fetchone()
    assert row == (True, False, "high", {"en": "Hello"})
