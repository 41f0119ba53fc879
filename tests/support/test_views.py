"""Filters of the queue that take several values, what a row says, and the views that people save as tabs."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from ondi.accounts.models import SettingsChange
from ondi.accounts.services import end_membership
from ondi.tenants.scope import tenant_scope
from support.admin.marks import marked
from support.models import SavedView, Tag, Ticket
from support.queue import saving
from support.queue.known import known_to
from support.queue.reader import Reader
from support.queue.refusals import (
    CannotSaveViews,
    TooManyViews,
    ViewAlwaysEmpty,
    ViewAsksForNothing,
    ViewAsksForUnknown,
    ViewNameTaken,
    ViewNotFound,
    ViewTooSlow,
)
from support.queue.saving import delete_view, move_view, save_view
from support.services import change_tags, claim_ticket, close_ticket, post_message, snooze_ticket
from tests.benchmarks.random_views import at_random, first_twenty
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket, reload
from tests.workbench import workbench

pytestmark = pytest.mark.django_db(transaction=True)
QUEUE = "/admin/support/ticket/"
EDIT = f"{QUEUE}views/edit/"


@pytest.fixture
def tenant():
    return TenantFactory(time_zone="Asia/Baghdad")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def yusuf(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Yusuf", last_name="Rahman")


@pytest.fixture
def lead(tenant):
    return MemberFactory(tenant=tenant, lead=True)


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def html_of(browser, **query):
    return browser.get(QUEUE, query).content.decode()


def numbers(browser, **query):
    return [int(number) for number in re.findall(r"<b>#(\d+)</b>", html_of(browser, **query))]


def told(response):
    return [str(message) for message in response.wsgi_request._messages]


def due(ticket, at):
    with tenant_scope(ticket.tenant_id):
        Ticket.objects.filter(id=ticket.id).update(due_at=at)
    return ticket


class TestFilters:
    def test_values_of_one_filter_add_up_and_filters_narrow_each_other(self, customer, sara, browser):
        made = {
            (priority, who): make_ticket(customer, priority=priority, agent=who).number
            for priority in ("low", "high", "urgent")
            for who in (sara, None)
        }

        assert set(numbers(browser, tab="open", priority=["high", "urgent"])) == {
            made[priority, who] for priority in ("high", "urgent") for who in (sara, None)
        }
        assert set(numbers(browser, tab="open", priority=["high", "urgent"], assignee="me")) == {
            made["high", sara], made["urgent", sara],
        }  # fmt: skip

    def test_several_assignees_nobody_among_them(self, customer, sara, yusuf, lead, browser):
        mine, his, free, other = (make_ticket(customer, agent=who).number for who in (sara, yusuf, None, lead))

        assert set(numbers(browser, tab="open", assignee=["me", "nobody"])) == {mine, free}
        assert set(numbers(browser, tab="open", assignee=[yusuf.id, lead.id])) == {his, other}

    def test_several_tags_and_no_ticket_twice(self, tenant, customer, sara, browser):
        both, one, none = (make_ticket(customer) for _ticket in range(3))
        with tenant_scope(tenant.id):
            late, vip = (Tag.objects.create(tenant=tenant, name=name) for name in ("late", "vip"))
            change_tags(actor=actor(sara), ticket_id=both.id, add=[late.id, vip.id])
            change_tags(actor=actor(sara), ticket_id=one.id, add=[vip.id])

        assert sorted(numbers(browser, tab="open", tag=[late.id, vip.id])) == [both.number, one.number]
        assert numbers(browser, tab="open", tag=late.id) == [both.number]
        assert none.number in numbers(browser, tab="open")

    def test_what_is_due_today_is_said_by_the_tenants_clock(self, customer, sara):
        now = timezone.now().replace(hour=18, minute=0)  # 21:00 in Baghdad
        with time_machine.travel(now, tick=False):
            browser = workbench(sara.user)
            late, tonight, tomorrow, never = (make_ticket(customer) for _ticket in range(4))
            due(late, now - timedelta(days=1))
            due(tonight, now + timedelta(hours=2))
            due(tomorrow, now + timedelta(hours=4))  # today in UTC

            assert numbers(browser, tab="open", due="overdue") == [late.number]
            assert numbers(browser, tab="open", due="today") == [tonight.number]
            assert numbers(browser, tab="open", due=["today", "overdue"], sort="due") == [late.number, tonight.number]
            assert set(numbers(browser, tab="open")) == {one.number for one in (late, tonight, tomorrow, never)}

    def test_unread_is_what_was_said_since_i_read_in_what_is_mine(self, customer, sara, yusuf, browser):
        read, unread, his, free = (make_ticket(customer, agent=who) for who in (sara, sara, yusuf, None))
        with tenant_scope(customer.tenant_id):
            for ticket in (read, unread, his, free):
                post_message(actor=actor(customer), conversation_id=ticket.conversation_id, content="Hello?")
            post_message(actor=actor(sara), conversation_id=read.conversation_id, content="It comes.")

        assert numbers(browser, tab="open", unread="yes") == [unread.number]
        html = html_of(browser, tab="open")
        bold = re.findall(r'wb-subject wb-unread"[^>]*>.*?<b>#(\d+)</b>', html)
        assert bold == [str(unread.number)], "the rows say the same"

    def test_several_ages_from_the_newest_to_the_oldest(self, customer, browser):
        at = timezone.now()
        new, week, old = (make_ticket(customer, at=at - timedelta(days=days)).number for days in (0, 5, 40))

        assert set(numbers(browser, tab="open", age=["1", "older"])) == {new, old}
        assert set(numbers(browser, tab="open", age=["1", "7"])) == {new, week}

    def test_addresses_of_the_first_edition_still_lead_there(self, customer, browser):
        high = make_ticket(customer, priority="high").number
        make_ticket(customer, priority="low")

        assert numbers(browser, tab="open", priority__exact="high") == [high]

    def test_what_is_no_longer_there_is_said_and_left_out(self, customer, browser):
        ticket = make_ticket(customer)

        html = html_of(browser, tab="open", tag="00000000-0000-7000-8000-000000000000")

        assert "Tag: no longer there" in html
        assert f"<b>#{ticket.number}</b>" in html

    @pytest.mark.parametrize(
        ("sort", "order"), [("", "abc"), ("priority", "cab"), ("due", "bca"), ("newest", "cba"), ("nonsense", "abc")]
    )
    def test_the_order_is_chosen_and_said(self, customer, browser, sort, order):
        at = timezone.now() - timedelta(hours=3)
        made = {
            name: make_ticket(customer, priority=priority, at=at + timedelta(hours=place))
            for place, (name, priority) in enumerate((("a", "medium"), ("b", "low"), ("c", "urgent")))
        }
        due(made["b"], at + timedelta(days=1))
        due(made["c"], at + timedelta(days=2))

        html = html_of(browser, tab="open", sort=sort)

        label = {"priority": "Priority", "due": "Due first", "newest": "Newest activity"}.get(sort, "Longest waiting")
        assert f"Sorted by: {label}" in html
        assert numbers(browser, tab="open", sort=sort) == [made[name].number for name in order]

    def test_a_page_costs_as_many_statements_however_many_rows_and_tabs(self, customer, sara, browser):
        def statements():
            with CaptureQueriesContext(connection) as captured:
                html_of(browser, tab="open", priority=["low", "medium"], unread="yes", assignee="me")
            return len([one for one in captured.captured_queries if one["sql"].startswith(("SELECT", "INSERT"))])

        make_ticket(customer, agent=sara)
        few = statements()
        for number in range(12):
            save(sara, name=f"View {number}")
            make_ticket(customer, agent=sara)

        assert statements() == few <= 9


class TestRows:
    def test_the_last_thing_is_what_a_person_said(self, customer, sara, browser):
        ticket = make_ticket(customer, agent=sara)
        with tenant_scope(ticket.tenant_id):
            post_message(actor=actor(sara), conversation_id=ticket.conversation_id, content="It was <b>found</b>.")
            close_ticket(actor=actor(sara), ticket_id=ticket.id)

        html = html_of(browser, tab="closed")

        assert "It was &lt;b&gt;found&lt;/b&gt;." in html
        assert "was closed" not in html

    def test_tags_stand_in_the_row(self, tenant, customer, sara, browser):
        ticket = make_ticket(customer)
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="<i>late</i>")
            change_tags(actor=actor(sara), ticket_id=ticket.id, add=[tag.id])

        assert '<bdi class="wb-tag">&lt;i&gt;late&lt;/i&gt;</bdi>' in html_of(browser, tab="open")

    def test_whose_turn_it_is_and_since_when_in_few_words(self, customer, sara, browser):
        now = timezone.now()
        waiting, answered, snoozed = (
            make_ticket(customer, agent=sara, at=now - timedelta(days=3, minutes=5)) for _ticket in range(3)
        )
        with tenant_scope(customer.tenant_id):
            at = now - timedelta(hours=2, minutes=5)
            post_message(actor=actor(sara), conversation_id=answered.conversation_id, content="Which one?", at=at)
            snooze_ticket(actor=actor(sara), ticket_id=snoozed.id, until=now + timedelta(days=30))
        words = re.findall(r'<span class="wb-turn">([^<]*)<', unescape(html_of(browser, tab="open")))

        assert sorted(words)[1:] == ["customer's turn 2 h", "waiting 3 d"]
        assert sorted(words)[0].startswith("back ")
        assert waiting.number in numbers(browser, tab="mine")

    @pytest.mark.parametrize(
        ("text", "term", "shown"),
        [
            ("Lamp is black", "LAMP", "<mark>Lamp</mark> is black"),
            ("a <lamp> & co", "lamp", "a &lt;<mark>lamp</mark>&gt; &amp; co"),
            ("رسالة إلى أحمد", "احمد", "رسالة إلى <mark>أحمد</mark>"),
            ("الطلب رقم ١٢٣", "123", "الطلب رقم <mark>١٢٣</mark>"),
            ("كـــتاب", "كتاب", "<mark>كـــتاب</mark>"),
            ("two words here", "here two", "<mark>two</mark> words <mark>here</mark>"),
            ("a.b", "a.", "<mark>a.</mark>b"),
            ("nothing", "", "nothing"),
            ("<b>", "<", "&lt;b&gt;"),
        ],
    )
    def test_what_was_searched_for_is_marked_as_the_search_reads_it(self, text, term, shown):
        assert marked(text, term) == shown

    def test_a_match_is_marked_in_the_list(self, customer, browser):
        make_ticket(customer, subject="Broken <lamp>")

        assert "Broken &lt;<mark>lamp</mark>&gt;" in html_of(browser, q="lamp")


def save(member, **said):
    with tenant_scope(member.tenant_id):
        return save_view(
            actor=actor(member), **{"name": "Urgent", "audience": "own", "query": "tab=open&priority=urgent", **said}
        )


def tabs_of(member):
    """The saved views that are this person's tabs, each with its number."""
    html = workbench(member.user).get(QUEUE).content.decode()
    count = r'(?:\s*<span class="wb-count">([\d,+]*)</span>)?'
    found = re.findall(rf'<a href="\?([^"]*)"[^>]*><bdi>([^<]*)</bdi>{count}', html)
    return [(name, number) for query, name, number in found if "view=" in query]


class TestSaving:
    def test_a_view_is_a_tab_of_its_people_with_its_number(self, customer, sara, yusuf, lead, tenant):
        viewer = MemberFactory(tenant=tenant, viewer=True)
        make_ticket(customer, priority="urgent")
        save(sara, name="Mine alone")
        for audience in ("support_users", "leads", "everybody"):
            save(lead, name=f"For {audience}", audience=audience)

        everybody, support, leads = (("For everybody", "1"), ("For support_users", "1"), ("For leads", "1"))
        assert tabs_of(sara) == [everybody, support, ("Mine alone", "1")]
        assert tabs_of(yusuf) == [everybody, support]
        assert tabs_of(lead) == [everybody, leads, support]
        assert tabs_of(viewer) == [everybody]

    def test_a_tab_leads_to_its_list_and_says_so(self, customer, sara, browser):
        urgent = make_ticket(customer, priority="urgent")
        make_ticket(customer, priority="low")
        view = save(sara)

        html = browser.get(f"{QUEUE}?{view.query}&view={view.id}").content.decode()

        assert re.findall(r"<b>#(\d+)</b>", html) == [str(urgent.number)]
        assert re.findall(r'aria-current="page"><bdi>([^<]*)', html) == ["Urgent"]

    def test_the_same_list_is_one_text_whatever_the_order_of_its_parts(self, sara):
        first = save(sara, query="priority=urgent&tab=open&priority=high&sort=newest")

        assert first.query == "tab=open&priority=urgent&priority=high&sort=newest"
        assert save(sara, view_id=first.id, name="x", query="sort=newest&tab=mine&waiting_on=agent").query == (
            "tab=mine&waiting_on=agent&sort=newest"
        )

    @pytest.mark.parametrize(
        ("query", "refusal"),
        [
            ("", ViewAsksForNothing), ("tab=open", ViewAsksForNothing),
            ("tab=open&priority=huge", ViewAsksForUnknown), ("tab=nowhere&priority=low", ViewAsksForUnknown),
            ("tab=open&priority=low&sort=colour", ViewAsksForUnknown),
            ("tab=closed&age=7&sort=due", ViewAsksForUnknown),
            ("tab=open&number__gte=7&priority=low", ViewAsksForUnknown), ("tab=open&tag=%00", ViewAsksForUnknown),
            ("tab=open&tag=00000000-0000-7000-8000-000000000000", ViewAsksForUnknown),
            ("tab=open&q=ab%00c", ViewAsksForUnknown), (f"tab=open&q={'x' * 3000}", ViewAsksForUnknown),
            ("tab=closed&unread=yes", ViewAlwaysEmpty), ("tab=closed&due=today", ViewAlwaysEmpty),
            ("tab=open&q=ab", ViewTooSlow),
        ],
    )  # fmt: skip
    def test_what_the_queues_filters_do_not_take_is_refused(self, sara, query, refusal):
        with pytest.raises(refusal):
            save(sara, query=query)
        with tenant_scope(sara.tenant_id):
            assert not SavedView.objects.exists()

    def test_a_tag_of_another_tenant_is_none(self, sara):
        elsewhere = TenantFactory()
        with tenant_scope(elsewhere.id):
            tag = Tag.objects.create(tenant=elsewhere, name="late")

        with pytest.raises(ViewAsksForUnknown):
            save(sara, query=f"tab=open&tag={tag.id}")

    def test_what_postgresql_expects_to_be_slow_is_refused(self, sara, monkeypatch):
        """Given a bound that nothing keeps, since a database of a test has no million tickets."""
        monkeypatch.setattr("support.queue.costs.MOST", 0)

        with pytest.raises(ViewTooSlow):
            save(sara)

    def test_a_search_that_finds_too_much_is_refused(self, customer, sara, monkeypatch):
        monkeypatch.setattr("support.queue.costs.MOST_FOUND", 2)
        for _ticket in range(2):
            make_ticket(customer, subject="Lamp")
        save(sara, query="q=lamp")
        make_ticket(customer, subject="Lamp")

        with pytest.raises(ViewTooSlow):
            save(sara, name="x", query="q=lamp")

    @pytest.mark.parametrize("audience", ["support_users", "leads", "everybody"])
    def test_only_leads_save_for_others(self, sara, lead, audience):
        with pytest.raises(CannotSaveViews):
            save(sara, audience=audience)
        view = save(lead, audience=audience)
        for change in (delete_view, lambda **who: move_view(**who, steps=1)):
            with tenant_scope(sara.tenant_id), pytest.raises((CannotSaveViews, ViewNotFound)):
                change(actor=actor(sara), view_id=view.id)

    def test_who_only_looks_saves_nothing(self, tenant):
        with pytest.raises(CannotSaveViews):
            save(MemberFactory(tenant=tenant, viewer=True))

    def test_somebody_elses_own_view_is_none(self, sara, yusuf):
        view = save(sara)

        with pytest.raises(ViewNotFound):
            save(yusuf, view_id=view.id)
        with tenant_scope(sara.tenant_id), pytest.raises(ViewNotFound):
            delete_view(actor=actor(yusuf), view_id=view.id)

    def test_names_differ_by_more_than_capitals_among_the_same_people(self, sara, yusuf, lead):
        save(sara, name="Urgent")
        save(yusuf, name="Urgent")
        save(lead, name="Urgent", audience="leads")

        with pytest.raises(ViewNameTaken):
            save(sara, name="urgent")
        with pytest.raises(ViewNameTaken):
            save(lead, name="URGENT", audience="leads")

    def test_there_is_an_end_to_views(self, sara, yusuf, monkeypatch):
        monkeypatch.setattr(saving, "MOST_OWN", 2)
        for number in range(2):
            save(sara, name=f"View {number}")

        with pytest.raises(TooManyViews):
            save(sara, name="One more")
        save(yusuf)

    def test_they_are_put_in_order(self, sara):
        views = [save(sara, name=name) for name in "abc"]

        def order(view, steps):
            with tenant_scope(sara.tenant_id):
                move_view(actor=actor(sara), view_id=view.id, steps=steps)
            return "".join(name for name, _count in tabs_of(sara))

        assert order(views[2], -1) == "acb"
        assert order(views[0], 1) == "cab"
        assert order(views[2], -1) == "cab", "the first stays the first"
        assert order(views[1], 1) == "cab"

    def test_shared_ones_are_recorded_with_who_changed_what_and_own_ones_are_not(self, sara, lead):
        save(sara)
        view = save(lead, name="All urgent", audience="everybody")
        save(lead, view_id=view.id, name="Urgent ones", audience="everybody", query=view.query)
        with tenant_scope(sara.tenant_id):
            delete_view(actor=actor(lead), view_id=view.id)
            changes = list(SettingsChange.objects.order_by("created_at", "id"))

        assert [change.actor_id for change in changes] == [lead.id] * 3
        assert changes[0].after["view.All urgent.query"] == view.query
        assert (changes[1].before, changes[1].after) == (
            {"view.Urgent ones.name": "All urgent"}, {"view.Urgent ones.name": "Urgent ones"},
        )  # fmt: skip
        assert changes[2].after == {}

    def test_own_views_go_with_their_person(self, tenant, sara, yusuf, lead):
        save(sara)
        save(yusuf)
        save(lead, audience="everybody")
        with tenant_scope(tenant.id):
            end_membership(membership=reload(sara))

            assert {(view.owner_id, view.audience) for view in SavedView.objects.all()} == {
                (yusuf.id, "own"), (None, "everybody"),
            }  # fmt: skip

    def test_a_view_whose_tag_is_gone_says_so(self, tenant, customer, sara, browser):
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="late")
        view = save(sara, query=f"tab=open&tag={tag.id}")
        with tenant_scope(tenant.id):
            tag.delete()

        html = browser.get(f"{QUEUE}?{view.query}&view={view.id}").content.decode()

        assert "It asks for something that is no longer there" in html
        assert "Tag: no longer there" in html


class TestForms:
    def post(self, browser, **said):
        return browser.post(EDIT, {"name": "Urgent", "audience": "own", "query": "tab=open&priority=urgent", **said})

    def test_a_narrowed_list_offers_to_be_saved_and_becomes_a_tab(self, sara, browser):
        html = html_of(browser, tab="open", priority="urgent")
        assert f"{EDIT}?query=tab%3Dopen%26priority%3Durgent" in html
        assert EDIT not in html_of(browser, tab="open")

        answer = self.post(browser)

        with tenant_scope(sara.tenant_id):
            view = SavedView.objects.get()
        assert answer.headers["Location"] == f"{QUEUE}?tab=open&priority=urgent&view={view.id}"
        assert told(answer) == ["The tab “Urgent” is saved."]

    def test_a_refusal_keeps_what_was_typed(self, sara, browser):
        self.post(browser)
        answer = self.post(browser)

        assert answer.status_code == 409
        assert "There is a view of this name already" in answer.content.decode()
        assert 'value="Urgent"' in answer.content.decode()

    @pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", "a\nb", "\u200b"])
    def test_a_name_that_is_none_is_refused(self, sara, browser, name):
        assert self.post(browser, name=name).status_code == 200
        with tenant_scope(sara.tenant_id):
            assert not SavedView.objects.exists()

    def test_the_same_form_twice_makes_one(self, sara, browser):
        form_id = re.search(r'name="form_id" value="([^"]*)"', browser.get(EDIT).content.decode())[1]
        first, second = (self.post(browser, form_id=form_id) for _time in range(2))

        assert first.headers["Location"] == second.headers["Location"]
        with tenant_scope(sara.tenant_id):
            assert SavedView.objects.count() == 1

    def test_an_agent_is_not_asked_for_whom(self, browser, lead):
        assert "Who has it" not in browser.get(EDIT).content.decode()
        assert "Who has it" in workbench(lead.user).get(EDIT).content.decode()
        assert self.post(browser, audience="everybody").status_code == 200, "and cannot say it"

    def test_renamed_moved_and_deleted_on_their_page(self, sara, browser):
        first, second = save(sara, name="First"), save(sara, name="Second")
        assert self.post(browser, name="Renamed", view=first.id, query=first.query).status_code == 302
        browser.post(f"{QUEUE}views/{second.id}/do/", {"do": "up"})
        assert [name for name, _count in tabs_of(sara)] == ["Second", "Renamed"]

        gone = browser.post(f"{QUEUE}views/{second.id}/do/", {"do": "delete"})

        assert told(gone)[-1] == "The tab “Second” is deleted."
        assert told(browser.post(f"{QUEUE}views/{second.id}/do/", {"do": "up"}))[-1] == "This view is no longer there."
        assert [name for name, _count in tabs_of(sara)] == ["Renamed"]

    def test_who_serves_two_tenants_saves_for_the_one_that_the_list_is_narrowed_to(self, sara):
        other = TenantFactory()
        there = MemberFactory(tenant=other, user=sara.user, role="agent", is_support_user=True)
        browser = workbench(sara.user)
        query = urlencode({"query": f"tab=open&priority=urgent&tenant={other.id}"})
        html = browser.get(f"{EDIT}?{query}").content.decode()
        assert f'value="{other.id}" selected' in html

        self.post(browser, tenant=other.id)

        with tenant_scope(other.id):
            assert SavedView.objects.get().owner_id == there.id

    def test_who_sees_no_tickets_is_told(self, tenant, customer):
        admin = workbench(MemberFactory(tenant=tenant, admin=True).user)

        assert admin.get(f"{QUEUE}{make_ticket(customer).id}/history/").status_code in (302, 403), "and sees none"
        for address in (EDIT, f"{QUEUE}views/"):
            assert told(admin.get(address))[-1] == str(CannotSaveViews())


def test_claimed_tickets_stay_in_a_list_by_me(customer, sara, browser):
    ticket = make_ticket(customer, priority="urgent")
    view = save(sara, query="tab=open&assignee=me")
    with tenant_scope(ticket.tenant_id):
        claim_ticket(actor=actor(sara), ticket_id=ticket.id)

    assert tabs_of(sara) == [(view.name, "1")]


def test_short_words_are_in_the_readers_language(customer, sara, browser):
    make_ticket(customer)
    with translation.override("ar"):
        html = browser.get(QUEUE, headers={"accept-language": "ar"}).content.decode()

    assert "مرتبة حسب: الأطول انتظارًا" in html


def test_every_view_of_the_benchmark_is_taken_and_shown(tenant, customer, sara, yusuf, browser):
    """The short form of `make bench-views`: the same views, in a tenant that has just begun."""
    with tenant_scope(tenant.id):
        for name in ("late", "vip"):
            Tag.objects.create(tenant=tenant, name=name)
        who = actor(sara)
        known = known_to(Reader.alone(who))
        asked = [urlencode(one, doseq=True) for one in (*first_twenty(known).values(), *at_random(30, known))]
        kept = [saving.checked_query(who, query) for query in asked]

    assert len(kept) == 50
    assert {browser.get(f"{QUEUE}?{query}").status_code for query in kept[:20]} == {200}
