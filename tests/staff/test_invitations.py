"""Inviting people: the link is good once, for three days, and opens nobody else's login."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ondi.accounts.invitations import invitation_token
from ondi.accounts.models import Membership
from ondi.tenants.scope import tenant_scope
from tests.desk import desk
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = {"password": "a rather good secret", "again": "a rather good secret"}


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris")


@pytest.fixture
def admin(tenant):
    return desk(MemberFactory(tenant=tenant, admin=True).user)


@pytest.fixture
def newcomer(tenant):
    return MemberFactory(tenant=tenant, agent=True, user=UserFactory(password=None))


def link_of(member):
    with tenant_scope(member.tenant_id):
        member = Membership.objects.select_related("user").get(pk=member.pk)
        return reverse("admin:invitation", args=[member.user_id, invitation_token(member)])


def add(admin, tenant, **fields):
    form = {"tenant": tenant.id, "email": "new@example.org", "first_name": "New", "role": "customer", **fields}
    answer = admin.post(reverse("admin:accounts_membership_add"), form)
    return next(str(message) for message in answer.wsgi_request._messages)


def test_link_sets_the_password_once(api, newcomer):
    link = link_of(newcomer)
    assert Client().get(link).status_code == 200

    assert "Your password is set." in Client().post(link, SECRET).content.decode()

    again = Client().post(link, {"password": "another one entirely", "again": "another one entirely"})
    assert again.status_code == 404
    login = {"email": newcomer.user.email, "password": SECRET["password"]}
    assert api.post("/auth/login", login).status_code == 200


@pytest.mark.parametrize(("form", "words"), [
    ({"password": "12345678", "again": "12345678"}, "less common password"),
    ({"password": "a rather good secret", "again": "another"}, "The two are not the same."),
    ({"password": "", "again": ""}, "This field is required."),
])  # fmt: skip
def test_bad_passwords_are_refused_with_the_reason(newcomer, form, words):
    answer = Client().post(link_of(newcomer), form)

    assert words in answer.content.decode()
    assert Client().get(link_of(newcomer)).status_code == 200, "and the link is still good"


def test_link_is_too_old_after_three_days(newcomer):
    link = link_of(newcomer)
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        assert Client().get(link).status_code == 404


def test_forged_links_are_like_spent_ones(newcomer, tenant):
    stranger = MemberFactory(tenant=tenant, user=UserFactory(password=None))
    spent = Client().get(link_of(newcomer).replace(str(newcomer.user_id), str(stranger.user_id)))
    unknown = Client().get(reverse("admin:invitation", args=["00000000-0000-7000-8000-000000000000", "x"]))

    assert spent.status_code == unknown.status_code == 404


def test_nobody_with_a_password_is_asked_to_set_one(tenant, admin, newcomer):
    member = MemberFactory(tenant=TenantFactory())
    told = add(admin, tenant, email=member.user.email)
    link = link_of(newcomer)
    newcomer.user.set_password(PASSWORD)
    newcomer.user.save()

    assert "signs in with the password they have" in told
    assert Client().post(link, SECRET).status_code == 404


def test_a_login_that_another_tenant_lets_in_is_not_this_ones_to_open(tenant, admin, newcomer):
    """Its admin would see the link, and come in with it there."""
    elsewhere = TenantFactory()
    there = desk(MemberFactory(tenant=elsewhere, admin=True).user)

    told = add(there, elsewhere, email=newcomer.user.email)

    assert "/admin/invitation/" not in told
    assert "belongs to another tenant as well" in told


def test_link_goes_by_mail_where_mail_is_configured(tenant, admin, settings):
    settings.EMAIL_HOST = "mail.example"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    told = add(admin, tenant)

    link = told.split()[-1]
    assert [(message.to, link in message.body) for message in mail.outbox] == [(["new@example.org"], True)]


def test_new_link_for_who_lost_theirs(admin, newcomer, tenant):
    body = {"action": "invite_again", "_selected_action": [newcomer.id]}
    answer = admin.post(reverse("admin:accounts_membership_changelist"), body)
    told = [str(message) for message in answer.wsgi_request._messages]
    agent = desk(MemberFactory(tenant=tenant, agent=True).user)
    agents = agent.post(reverse("admin:accounts_membership_changelist"), body)

    assert "/admin/invitation/" in told[0]
    assert not list(agents.wsgi_request._messages)


def test_customers_can_be_invited_too(api, tenant, admin):
    link = add(admin, tenant, role="customer").split()[-1]

    page = Client().post(link, SECRET).content.decode()

    assert "You can sign in now." in page
    assert ">Sign in<" not in page, "the admin is not for them"
    assert api.post("/auth/login", {"email": "new@example.org", "password": SECRET["password"]}).status_code == 200
