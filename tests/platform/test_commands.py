"""The operators' commands."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from ondi.accounts.models import Membership, RefreshFamily, User
from ondi.api.models import IdempotencyRecord
from ondi.tenants.models import PortalSettings, Tenant
from ondi.tenants.scope import find_tenants, tenant_scope
from orders.models import Order
from support.models import Ticket
from support.settings.portal import Portal
from tests.factories import DeliveryFactory, MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def typed(monkeypatch):
    def type_password(password):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))

    return type_password


class TestCreateTenant:
    def test_tenant_comes_with_its_settings(self):
        call_command("create_tenant", "tigris", "--name=Tigris Express", "--time-zone=Asia/Baghdad")

        tenant_id = find_tenants("tigris")["tigris"]
        with tenant_scope(tenant_id):
            assert Tenant.objects.get().time_zone == "Asia/Baghdad"
            assert Portal.read(PortalSettings.objects.get().values) == Portal()

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["taken", "--name=x"], "already a tenant"),
            (["Bad Slug", "--name=x"], "slug"),
            (["fine", "--name=x", "--time-zone=Mars/Olympus"], "no time zone"),
            (["fine", "--name="], "blank"),
        ],
    )
    def test_refusal_is_a_plain_sentence(self, arguments, reason):
        TenantFactory(slug="taken")

        with pytest.raises(CommandError, match=reason):
            call_command("create_tenant", *arguments)
        assert set(find_tenants()) == {"taken"}


class TestCreateOperator:
    def test_operator_may_sign_in_to_the_admin(self, typed):
        typed("a rather good secret")
        call_command("create_operator", "Operator@Example.org")

        user = User.objects.get(email="operator@example.org")
        assert user.is_superuser
        assert user.check_password("a rather good secret")

    @pytest.mark.parametrize(
        ("email", "password", "reason"),
        [
            ("taken@example.org", "a rather good secret", "already a login"),
            ("nonsense", "a rather good secret", "valid email"),
            ("new@example.org", "12345", "too short"),
        ],
    )
    def test_refusal_is_a_plain_sentence(self, typed, email, password, reason):
        UserFactory(email="taken@example.org")
        typed(password)

        with pytest.raises(CommandError, match=reason):
            call_command("create_operator", email)


class TestSetLogin:
    def test_imported_customer_signs_in_and_opens_a_ticket(self, api, typed):
        tenant = TenantFactory(slug="tigris")
        customer = MemberFactory(tenant=tenant, external_id="c-1", user=UserFactory(email=None, password=None))
        delivery = DeliveryFactory(tenant=tenant, customer=customer)
        typed("a rather good secret")

        call_command("set_login", "--tenant=tigris", "--customer=c-1", "--email=Layla@Example.org")

        answer = api.post("/auth/login", {"email": "layla@example.org", "password": "a rather good secret"})
        token = answer.json()["data"]["access_token"]
        body = {"subject": "Late", "message": "Where is it?", "related_delivery_id": str(delivery.id)}
        created = api.post("/customer/support/tickets", body, Authorization=f"Bearer {token}")
        assert created.status_code == 201

    @pytest.mark.parametrize(
        ("tenant", "customer", "email", "reason"),
        [
            ("nowhere", "c-1", "new@example.org", "no tenant"),
            ("tigris", "c-9", "new@example.org", "no customer"),
            ("tigris", "c-1", "taken@example.org", "already a login"),
            ("tigris", "c-1", "nonsense", "valid email"),
        ],
    )
    def test_refusal_is_a_plain_sentence(self, typed, tenant, customer, email, reason):
        MemberFactory(tenant=TenantFactory(slug="tigris"), external_id="c-1")
        UserFactory(email="taken@example.org")
        typed("a rather good secret")

        with pytest.raises(CommandError, match=reason):
            call_command("set_login", f"--tenant={tenant}", f"--customer={customer}", f"--email={email}")


class TestSeedDemo:
    @pytest.fixture
    def described(self, tmp_path):
        def seed():
            path = tmp_path / "demo.json"
            path.touch(0o644)
            call_command("seed_demo", "--force", f"--json={path}", stdout=io.StringIO())
            assert path.stat().st_mode & 0o777 == 0o600, "for whoever made it alone"
            return json.loads(path.read_text())

        return seed

    def test_story_is_complete(self, described):
        demo = described()

        assert set(demo) == {"password", "tenants"}
        assert set(demo["tenants"]) == {"tigris", "zagros"}
        for slug, tenant in demo["tenants"].items():
            mailboxes = {"admin", "lead", "agent1", "agent2", "agent3", *(f"customer{n}" for n in range(1, 6))}
            assert set(tenant["users"]) == {f"{name}@{slug}.demo" for name in mailboxes}
            for email, user in tenant["users"].items():
                assert set(user) == {"id", "orders", "deliveries", "tickets"}
                if email.startswith("customer"):
                    self._check_customer(tenant, user)

    def _check_customer(self, tenant, user):
        assert len(user["tickets"]) >= 2
        with tenant_scope(tenant["id"]):
            for kind, field in (("orders", "order_id"), ("deliveries", "delivery_id")):
                held = set(Ticket.objects.values_list(field, flat=True))
                assert sum(item["id"] not in {str(found) for found in held} for item in user[kind]) >= 4
                for item in user[kind]:
                    open_now = Ticket.objects.open().filter(**{field: item["id"]}).exists()
                    assert item["has_open_ticket"] is open_now

    def test_settings_and_roles_are_as_promised(self, described, api):
        demo = described()

        for slug, allows in (("tigris", True), ("zagros", False)):
            with tenant_scope(demo["tenants"][slug]["id"]):
                assert PortalSettings.objects.get().values == {"allow_customer_close": allows}
                people = {
                    member.user.email.split("@")[0]: (member.role, member.is_support_user)
                    for member in Membership.objects.select_related("user").exclude(user__email=None)
                }
            assert people["admin"] == ("admin", False)
            assert people["lead"] == ("lead", True)
            assert people["agent1"] == people["agent2"] == ("agent", True)
            assert people["agent3"] == ("agent", False)
        assert User.objects.get(email="operator@ondi.demo").is_superuser
        login = {"email": "customer3@zagros.demo", "password": demo["password"]}
        assert api.post("/auth/login", login).status_code == 200

    def test_second_run_changes_nothing(self, described):
        first = described()
        with tenant_scope(*find_tenants().values()):
            before = (list(Ticket.objects.order_by("id").values()), list(Order.objects.order_by("id").values()))

        assert described() == first
        with tenant_scope(*find_tenants().values()):
            assert before == (list(Ticket.objects.order_by("id").values()), list(Order.objects.order_by("id").values()))

    def test_production_is_left_alone(self):
        with override_settings(DEBUG=False), pytest.raises(CommandError, match="DEBUG is off"):
            call_command("seed_demo")
        assert not find_tenants()


class TestClearExpired:
    def test_only_what_is_over_goes(self, api):
        customer = MemberFactory()
        portal = api.as_(customer)
        portal.post("/customer/support/tickets", {"subject": "x", "message": "y"}, **{"Idempotency-Key": "old"})
        with tenant_scope(customer.tenant_id):
            IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))
            RefreshFamily.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        fresh = api.as_(customer)
        fresh.post("/customer/support/tickets", {"subject": "x", "message": "y"}, **{"Idempotency-Key": "new"})
        out = io.StringIO()

        call_command("clear_expired", stdout=out)

        assert out.getvalue() == "Deleted 1 kept answers, 1 expired sessions and 0 counts of sign-ins.\n"
        assert fresh.get("/users/me").status_code == 200
        with tenant_scope(customer.tenant_id):
            assert IdempotencyRecord.objects.get().key == "new"
