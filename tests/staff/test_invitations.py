"""Inviting people: the link is good once, for three days, and opens nobody else's login."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ondi.accounts.links import Purpose, state_of
from ondi.accounts.models import Membership, User
from ondi.accounts.services import disable_login, end_membership, update_member
from ondi.tenants.scope import tenant_scope
from tests.factories import PASSWORD, MemberFactory, TenantFactory, UserFactory, reload
from tests.invitations import ADDRESS, SECRET, link_for, open_link, outbox
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant():
    return TenantFactory(name="Tigris")


@pytest.fixture
def admin(tenant):
    return workbench(MemberFactory(tenant=tenant, admin=True).user)


@pytest.fixture
def newcomer(tenant):
    return MemberFactory(tenant=tenant, agent=True, waiting=True)


@pytest.fixture
def mailing(settings):
    settings.MAIL_IS_SENT = True


def add(admin, tenant, **fields):
    form = {"tenant": tenant.id, "email": "new@example.org", "first_name": "New", "role": "customer", **fields}
    answer = admin.post(reverse("admin:accounts_membership_add"), form)
    return next(str(message) for message in answer.wsgi_request._messages)


def invite_again(admin, member):
    body = {"action": "invite_again", "_selected_action": [member.id]}
    answer = admin.post(reverse("admin:accounts_membership_changelist"), body)
    return [str(message) for message in answer.wsgi_request._messages]


def mailed():
    """The link in the last mail."""
    return ADDRESS.search(outbox()[-1].body)[0]


@pytest.mark.parametrize("kind", ["shown", "mailed"])
def test_link_sets_the_password_once(api, newcomer, kind):
    link = link_for(newcomer, kind)
    assert Client().get(link).status_code == 200

    assert "Your password is set." in open_link(link).content.decode()

    assert open_link(link, "another one entirely").status_code == 404
    assert api.post("/auth/login", {"email": newcomer.email, "password": SECRET}).status_code == 200
    login = User.objects.get(email=newcomer.email)
    assert (login.id, login.email_proved_at is not None) == (newcomer.user_id, kind == "mailed")


@pytest.mark.parametrize(("form", "words"), [
    ({"password": "12345678", "again": "12345678"}, "less common password"),
    ({"password": "a rather good secret", "again": "another"}, "The two are not the same."),
    ({"password": "", "again": ""}, "This field is required."),
    ({"password": "new@example.org", "again": "new@example.org"}, "less common password"),
])  # fmt: skip
def test_bad_passwords_are_refused_with_the_reason(tenant, form, words):
    link = link_for(MemberFactory(tenant=tenant, waiting=True, email="new@example.org"))
    answer = Client().post(link, form)

    assert words in answer.content.decode()
    assert Client().get(link).status_code == 200, "and the link is still good"


@pytest.mark.parametrize("kind", ["shown", "mailed"])
def test_link_is_too_old_after_three_days(newcomer, kind):
    link = link_for(newcomer, kind)
    with time_machine.travel(timezone.now() + timedelta(days=2, hours=23), tick=False):
        assert Client().get(link).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1), tick=False):
        assert Client().get(link).status_code == 404


@pytest.mark.parametrize("change", ["address", "left", "switched off", "another login", "erased"])
def test_link_is_worthless_once_the_person_is_another(newcomer, change):
    links = [link_for(newcomer, kind) for kind in ("shown", "mailed")]
    with tenant_scope(newcomer.tenant_id):
        if change == "address":
            update_member(membership=newcomer, email="other@example.org")
        elif change == "left":
            end_membership(membership=newcomer)
        elif change == "switched off":
            disable_login(user=newcomer.user)
        elif change == "another login":
            Membership.objects.filter(pk=newcomer.pk).update(user=UserFactory(email=None, password=None))
        else:
            Membership.objects.filter(pk=newcomer.pk).update(email=None)

    assert [open_link(link).status_code for link in links] == [404, 404]


def test_forged_links_are_like_spent_ones(newcomer):
    good = link_for(newcomer)
    body, _colon, signature = good.rstrip("/").rpartition(":")
    tokens = (reverse("admin:invitation", args=[text]) for text in ("x", "é" * 2000))
    other = "y" if signature.startswith("x") else "x"
    for forged in (f"{body}:{other}{signature[1:]}/", good.replace("/invitation/", "/invitation/x"), *tokens):
        assert open_link(forged).status_code == Client().get(forged).status_code == 404


def test_a_link_of_one_kind_is_none_of_another(newcomer):
    """The kind is what was signed: a shown link never counts as mailed, nor one of another use of the keys."""
    with tenant_scope(newcomer.tenant_id):
        member = Membership.objects.select_related("user").get(pk=newcomer.pk)
        states = {purpose: state_of(purpose, member, member.user) for purpose in Purpose}
    for signed_as, state in ((Purpose.SHOWN, Purpose.MAILED), (Purpose.MAILED, Purpose.SHOWN)):
        parts = [str(member.tenant_id), str(member.id), states[state]]
        token = signing.dumps(parts, salt=f"ondi.accounts.links.{signed_as}")
        assert open_link(reverse("admin:invitation", args=[token])).status_code == 404
    for salt in ("django.core.signing", "ondi.accounts.links", "ondi.accounts.links.other"):
        token = signing.dumps([str(member.tenant_id), str(member.id), states[Purpose.MAILED]], salt=salt)
        assert open_link(reverse("admin:invitation", args=[token])).status_code == 404


def test_nobody_with_a_password_is_asked_to_set_one(tenant, admin, newcomer):
    member = MemberFactory(tenant=tenant)
    link = link_for(newcomer)
    newcomer.user.email = newcomer.email
    newcomer.user.set_password(PASSWORD)
    newcomer.user.save()

    assert "signs in with the password they have" in invite_again(admin, member)[0]
    assert open_link(link).status_code == 404


def test_who_has_no_address_is_not_invited(admin, tenant):
    assert "has no e-mail here" in invite_again(admin, MemberFactory(tenant=tenant, waiting=True, email=None))[0]


def test_an_address_somebody_signs_in_with_is_invited_by_mail_alone(tenant, admin, mailing):
    """The admin would else set a password for what is somebody else's."""
    somebody = MemberFactory(tenant=TenantFactory(name="Euphrates"))

    told = add(admin, tenant, email=somebody.email)

    assert told == "The link is sent to New."
    assert [message.to for message in outbox()] == [[somebody.email]]
    assert "Euphrates" not in outbox()[0].body + outbox()[0].subject


def test_without_mail_such_an_address_cannot_be_invited(tenant, admin, settings):
    settings.MAIL_IS_SENT = False
    told = add(admin, tenant, email=MemberFactory(tenant=TenantFactory()).email)

    assert told == "The link for New can only be sent by e-mail, and no mail is configured here."
    assert not outbox()


def test_two_tenants_may_wait_for_one_address(api, tenant, admin):
    """Neither sees that the other does; whose link is opened first signs in, and the other's is worthless."""
    elsewhere = TenantFactory()
    there = workbench(MemberFactory(tenant=elsewhere, admin=True).user)
    links = [ADDRESS.search(add(here, at))[0] for here, at in ((admin, tenant), (there, elsewhere))]

    assert [open_link(link).status_code for link in links] == [200, 404]
    answer = api.post("/auth/login", {"email": "new@example.org", "password": SECRET})
    assert answer.json()["data"]["tenant"]["slug"] == tenant.slug


def test_the_mailed_link_is_not_the_shown_one(tenant, admin, mailing):
    told = add(admin, tenant)

    link = ADDRESS.search(told)[0]
    assert [message.to for message in outbox()] == [["new@example.org"]]
    assert link not in outbox()[0].body
    assert open_link(mailed()).status_code == 200
    assert User.objects.get(email="new@example.org").email_proved_at is not None
    assert open_link(link).status_code == 404, "the other one is worthless"


def test_new_link_for_who_lost_theirs(admin, newcomer, tenant):
    told = invite_again(admin, newcomer)
    agents = invite_again(workbench(MemberFactory(tenant=tenant, agent=True).user), newcomer)

    assert "/admin/invitation/" in told[0]
    assert not agents


def test_customers_can_be_invited_too(api, tenant, admin):
    page = open_link(ADDRESS.search(add(admin, tenant, role="customer"))[0]).content.decode()

    assert "You can sign in now." in page
    assert ">Sign in<" not in page, "the admin is not for them"
    assert api.post("/auth/login", {"email": "new@example.org", "password": SECRET}).status_code == 200


class TestPersonsPage:
    def form(self, member, **fields):
        return {"first_name": "Layla", "last_name": "Hassan", "phone": "", "language": "", "external_id": "",
                "role": member.role, "email": member.email, **fields}  # fmt: skip

    def save(self, admin, member, **fields):
        return admin.post(reverse("admin:accounts_membership_change", args=[member.pk]), self.form(member, **fields))

    def test_the_address_of_who_waits_can_be_corrected(self, admin, tenant):
        member = MemberFactory(tenant=tenant, waiting=True)

        assert self.save(admin, member, email="Right@Example.org").status_code == 302

        assert reload(member).email == "right@example.org"

    def test_what_somebody_signs_in_with_is_not_the_tenants_to_change(self, admin, tenant):
        member = MemberFactory(tenant=tenant)

        assert self.save(admin, member, email="other@example.org").status_code == 302

        assert reload(member).email == member.email
        assert User.objects.get(pk=member.user_id).email == member.email

    @pytest.mark.parametrize("field", ["email", "external_id"])
    def test_what_is_anothers_here_is_a_form_error(self, admin, tenant, field):
        other = MemberFactory(tenant=tenant, external_id="c-1")
        member = MemberFactory(tenant=tenant, waiting=True)

        answer = self.save(admin, member, **{field: getattr(other, field)})

        assert answer.status_code == 200
        assert re.search("belongs to this tenant already|has this external id", answer.content.decode())

    def test_what_is_anothers_elsewhere_is_not(self, admin, tenant):
        elsewhere = MemberFactory(tenant=TenantFactory(), external_id="c-1")
        member = MemberFactory(tenant=tenant, waiting=True)

        answer = self.save(admin, member, email=elsewhere.email, external_id="c-1")

        assert answer.status_code == 302
        assert reload(member).email == elsewhere.email
