"""The language of the search, and the page that searches everything."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from ondi.common.searching import ids_found, words_of
from ondi.tenants.scope import tenant_scope
from support.models import Tag, Ticket, TicketTag
from support.searching import MOST_WORDS, asked_by
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db

QUEUE, SEARCH = "/admin/support/ticket/", "/admin/support/ticket/search/"


@pytest.fixture
def tenant():
    return TenantFactory(time_zone="Asia/Baghdad")


@pytest.fixture
def sara(tenant):
    return MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")


@pytest.fixture
def customer(tenant):
    return MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan")


@pytest.fixture
def browser(sara):
    return workbench(sara.user)


def found(browser, query):
    """What the page finds, by the title of its kind."""
    answer = browser.get(SEARCH, {"q": query})
    assert answer.status_code == 200, answer.content
    return {group.kind: [line.row for line in group.lines] for group in answer.context["groups"]}


def numbers(browser, query):
    return sorted(ticket.number for ticket in found(browser, query).get("ticket", []))


def faults(browser, query):
    return browser.get(SEARCH, {"q": query}).context["faults"]


class TestLanguage:
    @pytest.mark.parametrize(
        ("text", "words", "narrowing"),
        [
            ("broken  lamp", ["broken", "lamp"], {}),
            ('"broken lamp" red', ["broken lamp", "red"], {}),
            ("“broken lamp”", ["broken lamp"], {}),
            ('"never closed again', ["never closed again"], {}),
            ("Status:open lamp", ["lamp"], {"status": ["open"]}),
            ('tag:"late parcel" tag:refund', [], {"tag": ["late parcel", "refund"]}),
            ("before:2026-11-01 after:2026-10-01", [], {"before": ["2026-11-01"], "after": ["2026-10-01"]}),
            ("at 12:30 see https://example.org/x", ["at", "12:30", "see", "https://example.org/x"], {}),
            ('"status:open"', ["status:open"], {}),
            ("7", ["#7"], {}),
            ("a\x00b", [], {}),
            ('"" ""', [], {}),
        ],
    )
    def test_is_read_as_it_is_meant(self, text, words, narrowing):
        asked = asked_by(text)

        assert (list(asked.words), dict(asked.narrowing), list(asked.faults)) == (words, narrowing, [])

    @pytest.mark.parametrize(
        ("text", "words", "sentence"),
        [
            ("colour:red lamp", ["colour:red", "lamp"], "“\u2068colour:\u2069” was searched as a word."),
            ("status: open", ["status:", "open"], "Write what you look for right behind “\u2068status:\u2069”"),
            ("lamp a", ["lamp"], "A single letter is not searched."),
            (" ".join(["word"] * 30), ["word"] * MOST_WORDS, "Only the first 20 words were searched."),
        ],
    )
    def test_what_is_not_understood_is_said_and_the_rest_is_searched(self, text, words, sentence):
        asked = asked_by(text)

        assert list(asked.words) == words
        assert [fault for fault in asked.faults if fault.startswith(sentence)]

    def test_boxes_without_operators_take_them_for_words(self):
        assert words_of('status:open "red lamp" https://example.org') == [
            "status:open",
            "red lamp",
            "https://example.org",
        ]


class TestTickets:
    def test_every_word_has_to_occur_in_any_order_wherever_it_stands(self, browser, customer):
        ticket = make_ticket(customer, subject="Broken lamp", message="It fell off the truck")
        make_ticket(customer, subject="Broken sofa", message="It fell")

        for query in ("truck broken", "lamp LAYLA", f"#{ticket.number} fell", "has trück".replace("ü", "u")):
            assert numbers(browser, query) == [ticket.number], query
        assert numbers(browser, "lamp sofa") == []

    def test_a_phrase_stands_together_also_over_the_end_of_a_line(self, browser, customer):
        together = make_ticket(customer, message="the red\nlamp is broken")
        make_ticket(customer, message="a lamp, red")

        assert numbers(browser, '"red lamp"') == [together.number]
        assert numbers(browser, '"layla hassan" broken') == [together.number]

    def test_signs_of_a_pattern_are_letters(self, browser, customer):
        make_ticket(customer, subject="100 lamps")
        ticket = make_ticket(customer, subject="100% lamps_x")

        assert numbers(browser, "100%") == numbers(browser, "ps_x") == [ticket.number]

    def test_operators_narrow(self, browser, tenant, sara, customer):
        mine = make_ticket(customer, subject="lamp", agent=sara, priority="urgent")
        nobodys = make_ticket(customer, subject="lamp", priority="low")
        done = make_ticket(customer, subject="lamp", agent=sara, closed_by=sara)
        with tenant_scope(tenant.id):
            tag = Tag.objects.create(tenant=tenant, name="Late parcel")
            TicketTag.objects.create(tenant=tenant, ticket=nobodys, tag=tag)

        for query, expected in {
            "lamp status:open": [mine, nobodys],
            "status:closed": [done],
            "lamp priority:urgent": [mine],
            "priority:urgent priority:low": [mine, nobodys],
            'tag:"late PARCEL"': [nobodys],
            "assignee:me": [mine, done],
            "assignee:me status:open": [mine],
            "assignee:nobody lamp": [nobodys],
            'assignee:"kareem sar"': [mine, done],
            "status:open sofa": [],
        }.items():
            assert numbers(browser, query) == sorted(ticket.number for ticket in expected), query

    def test_days_are_the_tenants(self, browser, customer):
        """Baghdad is three hours ahead: its first of November begins on the evening before."""
        late = datetime(2026, 10, 31, 20, 59, tzinfo=UTC)
        before, after = (
            make_ticket(customer, subject="lamp", at=late + timedelta(minutes=minutes)) for minutes in (0, 1)
        )

        assert numbers(browser, "before:2026-11-01") == [before.number]
        assert numbers(browser, "after:2026-11-01") == numbers(browser, "after:٢٠٢٦-١١-٠١") == [after.number]
        assert numbers(browser, "after:2026-10-31 before:2026-11-01") == [before.number]

    @pytest.mark.parametrize(
        "query",
        [
            "lamp status:later", "lamp priority:x", "lamp tag:none", "lamp assignee:zzqq", "lamp before:2026-13-01",
            "lamp after:0001-01-01", "lamp after:9999-12-31", "lamp before:yesterday",
        ],
    )  # fmt: skip
    def test_a_bad_value_is_said_and_left_out(self, browser, customer, query):
        ticket = make_ticket(customer, subject="lamp")
        bad = query.partition(":")[2]

        assert [
            sentence for sentence in faults(browser, query) if sentence.startswith(f"“\u2068{bad}\u2069” is left out")
        ]
        assert numbers(browser, query) == [ticket.number]

    def test_values_may_be_said_as_the_reader_sees_them(self, browser, customer):
        ticket = make_ticket(customer, subject="lamp", priority="urgent")
        with translation.override("ar"):
            label = str(Ticket(priority="urgent").get_priority_display())

        answer = browser.get(SEARCH, {"q": f'priority:"{label}"'}, headers={"Accept-Language": "ar"})

        assert [line.row.number for group in answer.context["groups"] for line in group.lines] == [ticket.number]

    def test_the_queues_own_box_speaks_it_too(self, browser, sara, customer):
        mine = make_ticket(customer, subject="lamp", agent=sara)
        make_ticket(customer, subject="lamp")

        answer = browser.get(QUEUE, {"q": 'assignee:me "lamp" colour:x'})
        narrowed = browser.get(QUEUE, {"q": "assignee:me lamp"})

        assert [ticket.number for ticket in narrowed.context["cl"].result_list] == [mine.number]
        assert "colour:\u2069” was searched as a word." in answer.content.decode()

    def test_the_apis_search_stays_literal(self, api, sara, customer):
        ticket = make_ticket(customer, subject='a "red lamp" status:open')

        for term, expected in {"status:open": [ticket.number], '"red': [ticket.number], "status:closed": []}.items():
            rows = api.as_(sara).get("/messaging/support/tickets", {"search": term}).json()["data"]["tickets"]
            assert [row["number"] for row in rows] == expected, term


class TestEverything:
    def test_what_is_found_stands_in_groups_and_leads_there(self, browser, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="LMP-77")
        delivery = DeliveryFactory(tenant=tenant, customer=customer, order=order, delivery_code=90210)
        ticket = make_ticket(customer, order=order, source="storefront")

        by_name, by_number = found(browser, "hassan lay"), found(browser, "lmp-77")

        assert by_name == {
            "ticket": [ticket], "membership": [customer], "order": [order], "delivery": [delivery],
        }  # fmt: skip
        assert by_number == {"ticket": [ticket], "order": [order], "delivery": [delivery]}
        assert found(browser, "90210")["delivery"] == found(browser, "#٩٠٢١٠")["delivery"] == [delivery]
        assert found(browser, "LMP-77 layla")["order"] == [order]
        html = browser.get(SEARCH, {"q": "hassan"}).content.decode()
        for row in (order, delivery, customer, ticket):
            label = f"{row._meta.app_label}_{row._meta.model_name}"
            assert reverse(f"admin:{label}_change", args=[row.id]) in html
        assert f"{QUEUE}phone/?customer={customer.id}" in html

    def test_a_phone_number_is_found_however_it_is_typed(self, browser, tenant):
        customer = MemberFactory(tenant=tenant, phone="+964 770 123 4567")

        for query in ("0 770 1 23 4567", "00964-770-1234567", "٠٧٧٠ ١٢٣ ٤٥٦٧"):
            assert found(browser, query)["membership"] == [customer], query

    def test_an_external_id_is_found_as_a_whole(self, browser, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, external_id="Shop/Ä-1")

        assert found(browser, "Shop/Ä-1") == {"order": [order]}
        assert found(browser, "Shop/Ä") == {}

    def test_of_many_a_few_stand_there_and_all_are_one_click_away(self, browser, customer):
        tickets = [make_ticket(customer, subject="lamp") for _number in range(12)]
        group = browser.get(SEARCH, {"q": "lamp"}).context["groups"][0]

        assert (len(group.lines), group.count) == (10, "12")
        assert group.more == f"{QUEUE}?q=lamp"
        assert browser.get(group.more).context["cl"].result_count == len(tickets)

    def test_lists_find_what_the_page_finds(self, browser, tenant, customer):
        order = OrderFactory(tenant=tenant, customer=customer, number="LMP-77")
        delivery = DeliveryFactory(tenant=tenant, customer=customer, order=order)
        OrderFactory(tenant=tenant)

        for path, row in {"orders/order": order, "deliveries/delivery": delivery}.items():
            for query in ("hassan", '"lmp-77"', "LAYLA lmp"):
                assert list(browser.get(f"/admin/{path}/", {"q": query}).context["cl"].result_list) == [row], query

    def test_operators_of_tickets_find_tickets_only(self, browser, customer):
        make_ticket(customer)

        assert set(found(browser, "hassan status:open")) == {"ticket"}
        assert set(found(browser, "hassan status:later")) == {"ticket", "membership"}
        assert found(browser, "status:later") == {}

    def test_nothing_asked_finds_nothing_and_says_how(self, browser, customer):
        make_ticket(customer)

        for query in ("", " ", "\u200f"):
            answer = browser.get(SEARCH, {"q": query})
            assert (answer.context["groups"], "How to search" in answer.content.decode()) == ([], True)
        assert found(browser, "x") == {}

    @pytest.mark.parametrize("query", ["%", "_", "\\", "'", "[", "\x00", "9" * 400, "x" * 5000, 'tag:"\x00"', ":::"])
    def test_no_query_is_a_500(self, browser, query):
        for path in (SEARCH, QUEUE, "/admin/orders/order/", "/admin/deliveries/delivery/"):
            assert browser.get(path, {"q": query}).status_code == 200

    def test_everybody_sees_what_is_theirs_to_see(self, tenant, customer):
        """Whose tickets one does not see, their address is not found by either."""
        manager = workbench(MemberFactory(tenant=tenant, admin=True, first_name="Omar").user)
        agent_elsewhere = workbench(MemberFactory(agent=True).user)
        make_ticket(customer, subject="lamp")
        order = OrderFactory(tenant=tenant, customer=customer)

        assert found(manager, "lamp") == {}
        assert found(manager, "hassan") == {"membership": [customer], "order": [order]}
        assert found(manager, customer.email) == {}
        assert found(agent_elsewhere, "hassan") == {}
        assert "New customer with a ticket" not in manager.get(SEARCH, {"q": "zz"}).content.decode()

    def test_every_page_has_the_box(self, browser):
        for path in ("/admin/", QUEUE, SEARCH, "/admin/accounts/membership/", "/admin/password_change/"):
            html = browser.get(path).content.decode()
            assert f'<form id="wb-find" class="wb-find" method="get" action="{SEARCH}"' in html, path


class TestFunctions:
    BRANCHES = {
        "ondi_search_tickets": ["subject", "message", "order", "name", "mail", "number", "delivery"],
        "ondi_search_orders": ["order", "name", "order_id"],
        "ondi_search_deliveries": ["order", "name", "delivery", "delivery_id"],
    }
    WORD = "zephyr"

    @pytest.mark.parametrize(
        ("function", "branch"), [(name, branch) for name, branches in BRANCHES.items() for branch in branches]
    )
    def test_each_branch_keeps_to_the_scope(self, function, branch):
        tenants = [TenantFactory(), TenantFactory()]
        expected = []
        for tenant in tenants:
            customer = MemberFactory(
                tenant=tenant, first_name=self.WORD if branch == "name" else "Layla",
                user__email=f"{self.WORD if branch == 'mail' else 'x'}@{tenant.slug}.example",
            )  # fmt: skip
            order = OrderFactory(
                tenant=tenant, customer=customer, number=self.WORD if branch == "order" else "A-1",
                external_id=self.WORD if branch == "order_id" else None,
            )  # fmt: skip
            delivery = DeliveryFactory(
                tenant=tenant, customer=customer, order=order, delivery_code=4711 if branch == "delivery" else 1000,
                external_id=self.WORD if branch == "delivery_id" else None,
            )  # fmt: skip
            texts = {name: self.WORD if branch == name else "x" for name in ("subject", "message")}
            about = {"order": order, "source": "storefront"} if branch == "order" else {"delivery": delivery}
            ticket = make_ticket(customer, **texts, **about)
            expected.append(
                {"ondi_search_tickets": ticket.conversation_id, "ondi_search_orders": order.id}.get(
                    function, delivery.id
                )
            )
        word = {"number": "#1", "delivery": "4711"}.get(branch, self.WORD)

        for tenant, key in zip(tenants, expected, strict=True):
            with tenant_scope(tenant.id):
                assert ids_found(function, [word]) == f"{{{key}}}", "the function alone, without any filter behind it"
                assert ids_found(function, [word, "nowhere"]) == "{}"
                assert ids_found(function, []) == "{}"

    @pytest.mark.parametrize(
        ("table", "condition", "index"),
        [
            ("accounts_membership", "replace(public.ondi_fold({0}first_name || {0}last_name), ' ', '') LIKE",
             "accounts_membership_name_text"),
            ("accounts_membership", "regexp_replace(public.ondi_fold({0}phone), '[^0-9]', '', 'g') LIKE",
             "accounts_membership_phone_text"),
            ("accounts_membership", "public.ondi_fold({0}email) LIKE", "accounts_membership_email_text"),
            ("orders_order", "public.ondi_fold({0}number) LIKE", "orders_order_number_text"),
            ("conversations_message", "{0}content_folded LIKE", "conversations_message_text"),
        ],
    )  # fmt: skip
    def test_what_the_functions_ask_of_text_has_an_index(self, owner, table, condition, index):
        (sources,) = owner().execute(
            "SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE proname LIKE 'ondi_search%'"
        ).fetchone()  # fmt: skip
        assert condition.format("here.") in sources
        plan = owner().execute(f"EXPLAIN SELECT id FROM {table} WHERE {condition.format('')} '%1234567'").fetchall()
        asked = re.search(r"(?:Filter|Cond): \((.*?) ~~ ", "\n".join(line for (line,) in plan))[1]
        (definition,) = owner().execute("SELECT pg_get_indexdef(%s::regclass)", [index]).fetchone()
        assert definition.partition(" gin (tenant_id, ")[2].startswith(
            (f"{asked} gin_trgm_ops", f"({asked}) gin_trgm_ops")
        )


def test_of_words_the_newest_activity_comes_first(browser, customer):
    older, newer = (make_ticket(customer, subject="lamp", at=timezone.now() - timedelta(days=days)) for days in (2, 1))

    assert [ticket.number for ticket in found(browser, "lamp")["ticket"]] == [newer.number, older.number]
