"""Forms whose session is lost, or that are older than the last sign-in: nothing is done, and one gets back."""

import re
from html import unescape

import pytest
from django.test import Client

from ondi.staff.sign_in import form_expired
from tests.factories import PASSWORD, MemberFactory, make_ticket, reload
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)

LOGIN, QUEUE, SITE = "/admin/login/", "/admin/support/ticket/", "http://testserver"


@pytest.fixture
def agent():
    return MemberFactory(agent=True)


@pytest.fixture
def ticket(agent):
    return make_ticket(MemberFactory(tenant=agent.tenant), agent=agent)


def forms_of(ticket):
    """Where each kind of form is sent, and the page it stands on."""
    page = f"{QUEUE}{ticket.id}/change/"
    return [
        (f"{QUEUE}{ticket.id}/reply/", page), (f"{QUEUE}{ticket.id}/note/", page),
        (f"{QUEUE}{ticket.id}/action/close/", page), (f"{QUEUE}next/", f"{QUEUE}?tab=mine&q=x"),
        (f"{QUEUE}phone/", f"{QUEUE}phone/"), (QUEUE, f"{QUEUE}?tab=unassigned"),
        ("/admin/support/tag/add/", "/admin/support/tag/add/"),
        ("/admin/password_change/", "/admin/password_change/"), ("/admin/tenants/portalsettings/", "/admin/"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(9))
def test_who_signs_in_again_is_back_on_the_page_of_the_form(agent, ticket, number):
    target, page = forms_of(ticket)[number]
    client = Client()

    lost = client.post(target, {"content": "words"}, headers={"Referer": SITE + page})

    assert lost.status_code == 302
    assert client.get(lost.url).status_code == 200
    with_code = client.post(lost.url, {"username": agent.user.email, "password": PASSWORD})
    assert with_code.url == page
    assert reload(ticket).version == ticket.version


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "https://evil.example/admin/",
        "http://testserver.evil.example/admin/x",
        "http://testserver/docs",
        "/admin/x",
        "javascript:1",
    ],
)
def test_a_page_of_others_is_no_way_back(agent, ticket, referrer):
    target = f"{QUEUE}{ticket.id}/reply/"

    lost = Client().post(target, {"content": "words"}, headers={"Referer": referrer})

    assert lost.url == f"{LOGIN}?next={target}"
    assert workbench(agent.user).get(target).status_code in (200, 302)


def way_back(html):
    return unescape(re.search(r'<a[^>]* href="([^"]+)"[^>]*>\s*Back to the page', html)[1])


class TestOldForm:
    @pytest.fixture
    def browser(self, agent):
        signed_in = workbench(agent.user)
        signed_in.handler.enforce_csrf_checks = True
        return signed_in

    @pytest.mark.parametrize("number", range(9))
    def test_a_page_says_what_to_do_and_leads_on(self, browser, ticket, number):
        target, page = forms_of(ticket)[number]
        answer = browser.post(
            target, {"content": "words", "csrfmiddlewaretoken": "x" * 64}, headers={"Referer": SITE + page}
        )

        text = answer.content.decode()
        assert answer.status_code == 403
        assert "Not sent yet" in text
        back = way_back(text)
        assert back == page
        assert browser.get(back).status_code == 200
        assert "no-store" in answer.headers["Cache-Control"]

    def test_in_the_readers_language(self, browser, ticket):
        answer = browser.post(QUEUE, {}, headers={"Accept-Language": "ar"})

        assert 'dir="rtl"' in answer.content.decode()
        assert "Not sent yet" not in answer.content.decode()

    def test_the_sign_in_of_another_tab_leads_on(self, browser):
        answer = browser.post(
            LOGIN, {"username": "a", "password": "b"}, headers={"Referer": f"{SITE}{LOGIN}?next={QUEUE}"}
        )

        back = way_back(answer.content.decode())
        assert browser.get(back).url == QUEUE

    def test_the_api_asks_for_no_such_token(self, api):
        assert (
            Client(enforce_csrf_checks=True).post("/auth/login", {}, content_type="application/json").status_code == 400
        )


def test_a_token_missed_elsewhere_is_refused_without_a_page_of_the_admin(rf):
    answer = form_expired(rf.post("/docs"))

    assert (answer.status_code, answer.content) == (403, b"")


def test_no_page_of_the_admin_is_kept(agent, ticket):
    inside, outside = workbench(agent.user), Client()
    for path in (
        "/admin/", QUEUE, f"{QUEUE}{ticket.id}/change/", "/admin/password_change/", "/admin/password_change/done/",
        "/admin/second-factor/", "/admin/jsi18n/",
        "/admin/support/ticket/nothing/change/", "/admin", f"{QUEUE}export/",
        f"{QUEUE}{ticket.id}/news/", "/admin/invitation/x/", LOGIN,
    ):  # fmt: skip
        for client in (outside, inside):
            assert "no-store" in client.get(path).headers["Cache-Control"], path
    assert "no-store" in inside.post("/admin/logout/").headers["Cache-Control"]


def test_who_signs_out_with_a_lost_session_is_led_to_the_dashboard():
    lost = Client().post("/admin/logout/")

    assert lost.url == f"{LOGIN}?next=/admin/"
