"""The pages of the admin: their ticket, what they are told, and that it ends with their session."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from ondi.accounts.models import Membership
from ondi.outbox.relay import relay_all
from ondi.staff.session_limits import SEEN
from ondi.streaming import hub
from ondi.tenants.scope import tenant_scope
from tests.factories import MemberFactory, TenantFactory, UserFactory, make_ticket
from tests.streaming import inside
from tests.streaming.clients import split
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
LIVE = "/admin/support/ticket/live/"


@pytest.fixture
def tenants():
    return [TenantFactory() for _one in range(3)]


@pytest.fixture
def sara(tenants):
    """A support user of two tenants, and of the third only a customer."""
    user = UserFactory()
    for tenant in tenants[:2]:
        MemberFactory(tenant=tenant, agent=True, user=user)
    MemberFactory(tenant=tenants[2], user=user)
    return user


def ticket_of(browser):
    answer = browser.post(LIVE)
    assert answer.status_code == 200
    return split(answer.json()["url"])


def happen(tenant):
    ticket = make_ticket(MemberFactory(tenant=tenant))
    relay_all()
    return ticket


def test_a_page_is_told_of_all_its_tenants_with_the_tenant_and_no_id(sara, tenants, monkeypatch):
    monkeypatch.setattr(hub, "BEAT_EVERY", 1)
    query = ticket_of(workbench(sara))

    async def scenario(stream):
        heard = inside.Heard(stream, None, query)
        await heard.until(lambda one: "hello" in one.text)
        tickets = [await stream.hub.ask(happen, tenant) for tenant in tenants]
        await heard.until(lambda one: one.text.count("ticket.opened") == 2)
        await heard.until(lambda one: "event: beat\n" in one.text)
        again = inside.Heard(stream, None, query)
        await again.until(lambda one: one.is_over)
        return heard.text, tickets, again.status

    text, tickets, status = inside.run(scenario)
    assert status == 401, "its ticket is good once"
    assert "id: " not in text
    for place, (tenant, ticket) in enumerate(zip(tenants, tickets, strict=True)):
        assert (str(ticket.id) in text) is (place < 2)
        assert (f'"tenant_id":"{tenant.id}"' in text) is (place < 2)


@pytest.mark.parametrize("how", ["signed out", "idle", "demoted", "password"])
def test_it_ends_with_the_session(sara, tenants, how, monkeypatch):
    monkeypatch.setattr(hub, "RIGHTS_EVERY", 0.2)
    browser = workbench(sara)
    query = ticket_of(browser)

    def lose():
        session = browser.session
        if how == "signed out":
            session.flush()
        elif how == "idle":
            session[SEEN] = (timezone.now() - settings.STAFF_IDLE_LIMIT - timedelta(seconds=1)).timestamp()
            session.save()
        elif how == "password":
            sara.set_password("another horse battery")
            sara.save()
        else:
            for tenant in tenants:
                with tenant_scope(tenant.id):
                    Membership.objects.filter(user=sara).update(is_support_user=False)

    async def scenario(stream):
        heard = inside.Heard(stream, None, query)
        await heard.until(lambda one: "hello" in one.text)
        await stream.hub.ask(lose)
        await heard.until(lambda one: one.is_over)
        return heard.text

    assert '{"reason":"access_ended"}' in inside.run(scenario)


def test_a_ticket_is_no_use_once_the_session_is_over(sara):
    browser = workbench(sara)
    query = ticket_of(browser)
    browser.session.flush()

    async def scenario(stream):
        heard = inside.Heard(stream, None, query)
        await heard.until(lambda one: one.is_over)
        return heard.status

    assert inside.run(scenario) == 401


def test_it_takes_the_form_of_a_page_with_its_token(sara):
    browser = workbench(sara)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies

    assert browser.get(LIVE).status_code == 405
    assert strict.post(LIVE).status_code == 403
    page = strict.get("/admin/support/ticket/").content.decode()
    token = re.search(r'id="wb-live".*?name="csrfmiddlewaretoken" value="(\w+)"', page).group(1)
    assert strict.post(LIVE, {"csrfmiddlewaretoken": token}).json()["url"].startswith(settings.STREAM_URL)


def test_who_sees_no_tickets_and_who_has_shown_no_second_factor_gets_none():
    admin = MemberFactory(admin=True)
    assert workbench(admin.user).post(LIVE).json() == {"url": None}

    half = Client()
    half.force_login(MemberFactory(agent=True).user, backend="django.contrib.auth.backends.ModelBackend")
    assert half.post(LIVE).status_code == 302
    assert Client().post(LIVE).status_code == 302
