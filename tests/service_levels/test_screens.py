"""The screens of calendars and policies: what is wrong is said in a plain sentence, what is meant is asked for once."""

from html import unescape

import pytest

from ondi.common.errors import InvalidInput
from ondi.tenants.scope import tenant_scope
from support.admin.hours_text import read_exceptions, read_windows, write_exceptions, write_windows
from support.models import Calendar, CalendarVersion, Policy, PolicyVersion
from tests.factories import MemberFactory
from tests.service_levels.world import ALWAYS, Shop
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
CALENDARS, POLICIES = "/admin/support/calendar/", "/admin/support/policy/"


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def browser(shop):
    return workbench(shop.admin.user)


def week(shop, **other):
    days = {f"day_{number}": "09:00-17:00" for number in range(7)}
    return {"tenant": str(shop.tenant.id), "name": "Hours", "time_zone": "UTC", **days, "exceptions": "", **other}


def promise(shop, calendar, **other):
    return {
        "tenant": str(shop.tenant.id), "name": "Everybody", "position": "1", "is_active": "on",
        "calendar": str(calendar.id), "first_response": "60", "warn_percent": "80", "pauses_on_customer": "on",
        "is_late": "", "store": "", **other,
    }  # fmt: skip


def said(answer):
    return unescape(answer.content.decode())


def versions(shop, model):
    with tenant_scope(shop.tenant.id):
        return list(model.objects.order_by("number").values_list("number", flat=True))


WRONG_HOURS = {
    "overlap": ({"day_0": "09:00-12:00, 11:00-15:00"}, "Two windows of this day overlap."),
    "no minutes": ({"day_0": "09:00-09:00"}, "A window needs an end after its beginning."),
    "no time": ({"day_0": "nine to five"}, "“nine to five” is no time like 09:00-17:00."),
    "no such time": ({"day_0": "09:00-25:00"}, "“09:00-25:00” is no time like 09:00-17:00."),
    "no minute": ({"day_0": "09:61-10:00"}, "“09:61-10:00” is no time like 09:00-17:00."),
    "never open": (dict.fromkeys([f"day_{number}" for number in range(7)], ""), "open on one day of the week at least"),
    "no zone": ({"time_zone": "Mars/Olympus"}, "There is no time zone of this name."),
    "no day": ({"exceptions": "2026-02-30 closed"}, "“2026-02-30 closed” is no line like"),
    "no line": ({"exceptions": "Christmas"}, "“Christmas” is no line like"),
    "a day twice": ({"exceptions": "2026-12-25 closed\n2026-12-25 closed"}, "2026-12-25 stands there twice."),
    "its windows": ({"exceptions": "2026-12-25 09:00-09:00"}, "2026-12-25: A window needs an end after its beginning."),
    "too many": (
        {
            "exceptions": "\n".join(
                f"{2027 + number // 300}-{1 + number // 25 % 12:02}-{1 + number % 25:02} closed"
                for number in range(501)
            )
        },
        "A calendar has at most 500 days that differ.",
    ),
    "a long name": ({"exceptions": f"2026-12-25 closed {'x' * 101}"}, "2026-12-25: the name is too long."),
}


@pytest.mark.parametrize("wrong", WRONG_HOURS)
def test_hours_that_are_none_are_refused_in_a_sentence(shop, browser, wrong):
    fields, sentence = WRONG_HOURS[wrong]

    answer = browser.post(f"{CALENDARS}add/", week(shop, **fields))

    assert (answer.status_code, sentence in said(answer)) == (200, True), said(answer)
    with tenant_scope(shop.tenant.id):
        assert not Calendar.objects.exists()


def test_hours_are_kept_as_they_were_said_and_versions_never_change(shop, browser):
    fields = {"day_5": "", "day_6": "22:00-02:00", "exceptions": "2026-12-25 closed Christmas\n2026-12-24 09:00-12:00"}
    assert browser.post(f"{CALENDARS}add/", week(shop, **fields)).status_code == 302
    with tenant_scope(shop.tenant.id):
        calendar, version = Calendar.objects.get(), CalendarVersion.objects.get()
    assert (version.days[5], version.days[6]) == ([], [[1320, 1560]])
    assert version.exceptions == {
        "2026-12-24": {"name": "", "windows": [[540, 720]]}, "2026-12-25": {"name": "Christmas", "windows": []},
    }  # fmt: skip

    page = said(browser.get(f"{CALENDARS}{calendar.id}/change/"))
    assert 'value="22:00-02:00"' in page
    assert "2026-12-25 closed Christmas" in page
    same = browser.post(f"{CALENDARS}{calendar.id}/change/", week(shop, **fields))
    assert (same.status_code, versions(shop, CalendarVersion)) == (302, [1])
    browser.post(f"{CALENDARS}{calendar.id}/change/", week(shop, **fields, day_0="10:00-17:00"))
    assert versions(shop, CalendarVersion) == [1, 2]


def test_a_change_of_hours_says_first_which_tickets_run_by_it(shop, browser):
    calendar = shop.calendar(ALWAYS, name="Hours")
    shop.policy(calendar, first=60)
    ticket = shop.open()

    asked = browser.post(f"{CALENDARS}{calendar.id}/change/", week(shop))
    assert f"1 open ticket runs by this calendar: #{ticket.number}." in said(asked)
    assert versions(shop, CalendarVersion) == [1]
    done = browser.post(f"{CALENDARS}{calendar.id}/change/", week(shop, seen="on"))
    assert (done.status_code, versions(shop, CalendarVersion)) == (302, [1, 2])


def test_public_holidays_are_proposed_and_closed_once_chosen(shop, browser):
    calendar = shop.calendar(name="Hours")
    address = f"{CALENDARS}{calendar.id}/year/?year=2026&country=IQ"
    assert "Army Day" in said(browser.get(address))
    with tenant_scope(shop.tenant.id):
        assert CalendarVersion.objects.get().exceptions == {}

    browser.post(address, {"day": ["2026-01-06", "2026-01-07", "nonsense"]})

    with tenant_scope(shop.tenant.id):
        newest = CalendarVersion.objects.latest("number")
    assert newest.exceptions == {"2026-01-06": {"name": "Army Day", "windows": []}}


@pytest.mark.parametrize("query", ["year=9999999999999", "year=x", "year=2026&country=XX", "country=", "year=-1"])
def test_a_year_or_a_country_there_is_not_is_no_fault(shop, browser, query):
    calendar = shop.calendar()

    assert browser.get(f"{CALENDARS}{calendar.id}/year/?{query}").status_code == 200


WRONG_PROMISES = {
    "none": ({"first_response": "0"}, "At least one minute."),
    "less": ({"first_response": "-5"}, "At least one minute."),
    "of years": ({"first_response": "9999999"}, "At most a year of open hours"),
    "nothing": ({"first_response": ""}, "Promise at least one of the three."),
    "never due": ({"resolution": "500000"}, "By this calendar that would be more than five years ahead."),
    "a warning beyond": ({"warn_percent": "100"}, "100"),
}


@pytest.mark.parametrize("wrong", WRONG_PROMISES)
def test_promises_that_are_none_are_refused_in_a_sentence(shop, browser, wrong):
    fields, sentence = WRONG_PROMISES[wrong]
    calendar = shop.calendar([[[540, 600]], *[[]] * 6])

    answer = browser.post(f"{POLICIES}add/", promise(shop, calendar, **fields))

    assert (answer.status_code, sentence in said(answer)) == (200, True), said(answer)
    with tenant_scope(shop.tenant.id):
        assert not PolicyVersion.objects.exists()


def test_a_policy_says_first_which_open_tickets_it_touches(shop, browser):
    ticket, urgent, calendar = shop.open(), shop.open(priority="urgent"), shop.calendar()

    asked = browser.post(f"{POLICIES}add/", promise(shop, calendar, priority=["urgent"]))
    assert f"This changes what is promised for 1 open ticket: #{urgent.number}." in said(asked)
    assert browser.post(f"{POLICIES}add/", promise(shop, calendar, priority=["urgent"], seen="on")).status_code == 302
    shop.settle()
    assert (shop.shown(ticket), [one[0] for one in shop.shown(urgent)]) == ([], ["first_response"])

    with tenant_scope(shop.tenant.id):
        policy = Policy.objects.get()
    off = promise(shop, calendar, priority=["urgent"])
    del off["is_active"]
    again = browser.post(f"{POLICIES}{policy.id}/change/", off)
    assert f"#{urgent.number}" in said(again)


def test_what_touches_nothing_is_saved_at_once(shop, browser):
    calendar = shop.calendar()

    assert browser.post(f"{POLICIES}add/", promise(shop, calendar)).status_code == 302
    assert versions(shop, PolicyVersion) == [1]


def test_a_calendar_of_another_tenant_is_none(shop, browser):
    other = Shop()
    MemberFactory(tenant=other.tenant, user=shop.admin.user, admin=True)  # who manages both
    calendar = other.calendar()

    answer = browser.post(f"{POLICIES}add/", promise(shop, calendar))

    assert (answer.status_code, "Calendar not found." in said(answer)) == (200, True)


def test_only_who_manages_the_tenant_comes_in(shop):
    calendar = shop.calendar()
    for person in (shop.sara, shop.lead):
        for path in (CALENDARS, POLICIES, f"{CALENDARS}{calendar.id}/year/"):
            assert workbench(person.user).get(path).status_code in (302, 403)


@pytest.mark.parametrize("text", ["", "00:00-24:00", "09:00-12:00, 13:00-17:00", "22:00-02:00"])
def test_hours_are_written_as_they_are_read(text):
    assert write_windows(read_windows(text)) == text


def test_exceptions_are_written_as_they_are_read():
    text = "2026-12-24 09:00-12:00\n2026-12-25 closed عيد الميلاد"
    assert write_exceptions(read_exceptions(text)) == text


@pytest.mark.parametrize("days", [[[[0, 0]]], [[[0, 60], [30, 90]]], [[[1440, 1500]]], [[[0, 1441]]], [[]]], ids=str)
def test_the_service_itself_takes_no_hours_that_are_none(shop, days):
    """Given what no form would send, then it is a coded refusal, and nothing is written."""
    with pytest.raises(InvalidInput):
        shop.calendar([*days, *[[]] * 6])
    with tenant_scope(shop.tenant.id):
        assert not Calendar.objects.exists()


def test_one_policy_too_many_is_refused_in_a_sentence(shop, browser, monkeypatch):
    monkeypatch.setattr("support.admin.policies.MOST_POLICIES", 1)
    calendar = shop.calendar()
    browser.post(f"{POLICIES}add/", promise(shop, calendar))

    answer = browser.post(f"{POLICIES}add/", promise(shop, calendar, name="Another", seen="on"))

    assert (answer.status_code, "A tenant has at most 100 policies." in said(answer)) == (200, True)
    assert versions(shop, PolicyVersion) == [1]
