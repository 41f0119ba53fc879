"""One folding of letters behind every search: what looks the same to a reader is found by the other."""

import itertools
import unicodedata

import pytest
from django.db import connection

from ondi.common.text import shows_nothing
from ondi.tenants.scope import tenant_scope
from support.models import CannedReply, Tag, TicketNote
from tests.factories import DeliveryFactory, MemberFactory, OrderFactory, TenantFactory, make_ticket
from tests.workbench import workbench

pytestmark = pytest.mark.django_db

QUEUE = "/messaging/support/tickets"
# Letters that keyboards of one script write differently and readers take for the same.
TWINS = [
    *itertools.combinations("يیى", 2), *itertools.combinations("كکڪ", 2), *itertools.combinations("هەةۀھہۂۃ", 2),
    *itertools.combinations("اأإآٱ", 2), ("ؤ", "ئ"), ("-", "‑"), ("-", "–"), ("-", "−"), ("'", "’"), ('"', "”"),
    *((str(digit), chr(zero + digit)) for digit in range(10) for zero in (0x660, 0x6F0, 0xFF10)),
    ("ﻻ", "لا"), ("ﷲ", "الله"), ("Ａ", "a"), ("ﬁ", "fi"), ("e\u0301", "é"), ("Å", "å"), ("ſ", "s"), ("Ⅳ", "iv"),
    ("ﻲ", "ی"), ("ﮐ", "ك"), ("…", "..."), ("№", "no"), ("㎏", "kg"),
]  # fmt: skip
UNSEEN = [
    "\u200f", "\u200e", "\u061c", "\u200b", "\u200c", "\u200d", "\u2060", "\u2066", "\u2069", "\u202a", "\u202e",
    "\u00ad", "\ufeff", "\ufe0f", "\u034f", "\u180e", "\u0640", "\u064b", "\u0651", "\u0670",
]  # fmt: skip
SCREENS = [
    "support/ticket/", "support/ticket/phone/", "accounts/membership/", "orders/order/", "deliveries/delivery/",
    "support/tag/", "support/cannedreply/", "conversations/conversation/",
]  # fmt: skip
BLANKS = ["\u00a0", "\u2003", "\u202f", "\u3000", "\u2800", "\t", "  "]


def folded(*texts):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ondi_fold(one) FROM unnest(%s::text[]) WITH ORDINALITY AS t (one, n) ORDER BY n", [list(texts)]
        )
        return [text for (text,) in cursor.fetchall()]


@pytest.mark.parametrize("twins", TWINS, ids=lambda pair: "-".join(f"{ord(one[0]):x}" for one in pair))
def test_twins_are_folded_to_the_same(twins):
    one, other = folded(*(f"ق{letter}x" for letter in twins))
    assert one == other


def test_what_nobody_sees_is_not_there():
    seen = folded(*(f"{sign}tr{sign}ack{sign}" for sign in UNSEEN), *(f"ر{sign}قم" for sign in UNSEEN))
    assert set(seen) == {"track", "رقم"}


def test_folding_twice_changes_nothing_more_and_no_letter_is_lost():
    """Over all of the plane people write in: what a reader sees does not vanish."""
    letters = [chr(code) for code in range(0x21, 0xFFFE) if not 0xD800 <= code < 0xE000]
    letters = [one for one in letters if unicodedata.category(one)[0] in "LN"]
    once = folded(*letters)
    assert once == folded(*once)
    lost = [
        letter for letter, text in zip(letters, once, strict=True) if not text.strip() and not shows_nothing(letter)
    ]
    stretch_or_mark = {"\u0640", "\u0674", " "}  # tatweel and the high hamza, which are letters by their category only
    parts = {part for letter in lost for part in unicodedata.normalize("NFKC", letter)}
    assert {part for part in parts - stretch_or_mark if not unicodedata.combining(part)} == set()


class TestDoors:
    """Text that is written one way and asked for in another, at every door that searches."""

    WRITTEN, ASKED = "Kیس\u200f رقم ٤٧١١", ["kيس", "Kیس", "4711 kیس", "رقم\u200e ۴۷۱۱", "\u200b4711\u00a0Kيس"]

    @pytest.fixture
    def tenant(self):
        return TenantFactory()

    @pytest.fixture
    def agent(self, tenant):
        return MemberFactory(tenant=tenant, agent=True, role="admin", is_support_user=True)

    def numbers(self, api, agent, term):
        response = api.as_(agent).get(QUEUE, {"search": term})
        assert response.status_code == 200, response.content
        return [ticket["number"] for ticket in response.json()["data"]["tickets"]]

    def test_queue_of_the_api(self, api, tenant, agent):
        customer = MemberFactory(tenant=tenant)
        title = make_ticket(customer, subject=self.WRITTEN)
        message = make_ticket(customer, message=self.WRITTEN)
        make_ticket(customer, subject="other", message="else")

        for term in self.ASKED:
            assert sorted(self.numbers(api, agent, term)) == [title.number, message.number], ascii(term)

    @pytest.mark.parametrize("blank", BLANKS, ids=ascii)
    def test_every_blank_parts_words(self, api, tenant, agent, blank):
        ticket = make_ticket(MemberFactory(tenant=tenant), subject=f"red{blank}lamp")

        assert self.numbers(api, agent, "lamp red") == self.numbers(api, agent, f"red{blank}lamp") == [ticket.number]

    def test_words_may_stand_apart_and_all_must_be_there(self, api, tenant, agent):
        customer = MemberFactory(tenant=tenant, first_name="Layla", last_name="Hassan", email="layla@example.org")
        ticket = make_ticket(customer, subject="Wrong lamp", message="It is green, not red")
        make_ticket(customer, subject="Wrong sofa", message="It is green")

        for term in (
            "green lamp",
            "lamp layla",
            "hassan  red",
            f"#{ticket.number} wrong",
            "example.org RED lam",
            "lamp lamp la",
        ):
            assert self.numbers(api, agent, term) == [ticket.number], term
        assert self.numbers(api, agent, "lamp sofa") == []
        assert self.numbers(api, agent, "la%p") == []

    def test_screens_of_the_admin(self, tenant, agent):
        customer = MemberFactory(tenant=tenant, first_name="كيس", last_name="ملكي", external_id="c-9")
        order = OrderFactory(tenant=tenant, customer=customer, number="کیس-77")
        DeliveryFactory(tenant=tenant, customer=customer, delivery_code=90210)
        make_ticket(customer, subject="كيس")
        with tenant_scope(tenant.id):
            Tag.objects.create(tenant=tenant, name="كيس")
            CannedReply.objects.create(tenant=tenant, shortcut="bag", language="ar", content="كيس")
        browser = workbench(agent.user)
        asked = {
            "/admin/support/ticket/": "کیس\u200f", "/admin/support/ticket/phone/": "کیس",
            "/admin/accounts/membership/": "ملکی", "/admin/orders/order/": "كيس",
            "/admin/deliveries/delivery/": "#٩٠٢١٠\u200f", "/admin/support/tag/": "کیس",
            "/admin/support/cannedreply/": "کیس", "/admin/conversations/conversation/": "کیس",
        }  # fmt: skip
        for path, term in asked.items():
            page, none = browser.get(path, {"q": term}), browser.get(path, {"q": "کیس zzqq"})
            assert page.status_code == none.status_code == 200, path
            rows = [
                len(one.context["customers"] if "customers" in one.context else one.context["cl"].result_list)
                for one in (page, none)
            ]
            assert rows == [1, 0], path
        assert order.number


PEOPLE = [
    ("عبد الله", "حسن", "+964 770 111 2233",
     ["عبد الله حسن", "عبدالله", "حسن عبد",
      "+964 770 111 2233", "+9647701112233", "07701112233", "2233", "٠٧٧٠١١١٢٢٣٣"]),
    ("Mary Ann", "Smith", "+1 (555) 010-9999",
     ["Mary Ann Smith", "ann smith", "smith MARY", "555.010.9999", "+1 (555) 010-9999"]),
    ("Jan", "van der Berg", "07701112244",
     ["Jan van der Berg", "Berg", "berg jan", "+9647701112244", "00964 770 1112244"]),
    ("José María", "de la Cruz García", "", ["José María de la Cruz García", "Jose\u0301 garcía", "Cruz"]),
    ("Nour", "", None, ["nour", "NOUR\u200f", "nour@example.org", "example nour", "X-77"]),
]  # fmt: skip


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person[0])
def test_who_is_calling_is_found_as_on_record(person):
    first, last, phone, terms = person
    tenant = TenantFactory()
    agent = MemberFactory(tenant=tenant, agent=True, first_name="Agent", last_name="Agent")
    for other in PEOPLE:
        MemberFactory(
            tenant=tenant, first_name=other[0], last_name=other[1], phone=other[2] or "",
            email="nour@example.org" if other[0] == "Nour" else None,
            external_id="X-77" if other[0] == "Nour" else None,
        )  # fmt: skip
    MemberFactory(first_name=first, last_name=last, phone=phone or "")  # another tenant's
    browser = workbench(agent.user)

    for term in terms:
        page = browser.get("/admin/support/ticket/phone/", {"q": term})
        assert [one.first_name for one in page.context["customers"]] == [first], ascii(term)


@pytest.mark.parametrize("term", ["\x00", "a\x00b", "\u200f", " ", "%", "_", "\\", "'", "[", "+", "()", "0", "9" * 400])
def test_no_term_is_a_500(term):
    member = MemberFactory(agent=True, role="admin", first_name="Agent", last_name="Agent")
    browser = workbench(member.user)
    for path in SCREENS:
        assert browser.get(f"/admin/{path}", {"q": term}).status_code == 200, path


INVISIBLE = [
    "\u200b",
    "\u2800",
    "\u3164",
    "\u00ad",
    "\ufeff",
    "\u200e\u200f",
    "\u115f",
    "\uffa0",
    "\ufe0f",
    "\U000e0020",
    " \u2060\n",
]


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_text_that_shows_nothing_is_blank(api, text):
    customer = MemberFactory()
    agent = MemberFactory(tenant=customer.tenant, agent=True)
    ticket = make_ticket(customer, agent=agent)
    portal, staff = api.as_(customer), api.as_(agent)
    opened = portal.post("/customer/support/tickets", {"subject": text, "message": text})
    said = portal.post(f"/messaging/conversations/{ticket.conversation_id}/messages", {"content": text})
    searched = staff.get(QUEUE, {"search": text})

    fields = opened.json()["data"]["fields"]
    assert [opened.status_code, said.status_code, searched.status_code] == [400, 400, 400]
    assert [fields[name][0]["code"] for name in ("subject", "message")] == ["blank", "blank"]
    assert said.json()["data"]["fields"]["content"][0]["code"] == "blank"

    browser = workbench(agent.user)
    tag = browser.post("/admin/support/tag/add/", {"tenant": str(customer.tenant_id), "name": text})
    note = browser.post(f"/admin/support/ticket/{ticket.id}/note/", {"note-content": text, "content": text})
    assert tag.status_code == 200
    assert note.status_code in (200, 400, 302)
    with tenant_scope(customer.tenant_id):
        assert not Tag.objects.exists()
        assert not TicketNote.objects.exists()


@pytest.mark.parametrize("text", ["é", "a\u200b", "🙂", "\u0600", "ـ", "·", "👨‍👩‍👧"])
def test_text_that_shows_something_is_not_blank(text):
    assert not shows_nothing(text)
