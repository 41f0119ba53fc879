"""Files as shops write them: taken in as they mean it, or refused in one sentence; never something wrong."""

import codecs
import io
import random
from datetime import UTC, datetime

import pytest
import time_machine
from django.core.management import CommandError, call_command

from deliveries.importing.fix import ImportOrders
from deliveries.importing.mapping import MappingError, read_mapping
from deliveries.importing.rows import guest_id
from ondi.accounts.models import Membership
from ondi.datafixes.models import FixRun
from ondi.tenants.scope import tenant_scope
from orders.models import Order
from tests.factories import MemberFactory, OrderFactory, TenantFactory

pytestmark = pytest.mark.django_db

MAP = """
[file]
{file}
[customer]
external_id = "customer"
{customer}
[order]
external_id = "order"
number = "order"
status = "status"
{order}
[order_status]
new = "pending"
done = "delivered"
{more}
"""
HEADER = "order,customer,status"


@pytest.fixture
def tenant():
    return TenantFactory(slug="tigris", language="en")


@pytest.fixture
def load(tenant, tmp_path):
    """Import a file by a map; what was said, and the refusal if there was one."""

    def load_file(*lines, file="", customer="", order="", more="", raw=None, apply=True):
        (tmp_path / "map.toml").write_text(MAP.format(file=file, customer=customer, order=order, more=more))
        path = tmp_path / "orders.csv"
        path.write_bytes(raw if raw is not None else "\n".join([*lines, ""]).encode())
        out = io.StringIO()
        arguments = ["--tenant=tigris", f"--map={tmp_path / 'map.toml'}", *(["--apply"] if apply else [])]
        try:
            call_command("import_orders", str(path), *arguments, stdout=out)
        except CommandError as refused:
            return out.getvalue(), str(refused)
        return out.getvalue(), None

    return load_file


def buyers(tenant):
    """The customer of each order, by the order's external id."""
    with tenant_scope(tenant.id):
        return dict(Order.objects.values_list("external_id", "customer__external_id"))


def values(tenant, *names):
    with tenant_scope(tenant.id):
        return list(Order.objects.order_by("number").values_list(*names))


class TestGuests:
    @pytest.mark.parametrize(
        "customer",
        [
            "",
            "0",
            "00",
            "0.0",
            "-",
            "NULL",
            "-1",
            "guest",
            "Guest",
            "ANONYMOUS",
            "زائر",
            "00000000-0000-0000-0000-000000000000",
        ],
    )
    def test_are_one_customer_for_each_email_else_for_each_order(self, load, tenant, customer):
        _said, refusal = load(
            "order,customer,status,mail",
            f"o1,{customer},new,a@example.org",
            f"o2,{customer},new,A@Example.org",
            f"o3,{customer},new,b@example.org",
            f"o4,{customer},new,",
            f"o5,{customer},new,NULL",
            f"o6,{customer},new,no@mail@",
            "o7,c-7,new,c@example.org",
            customer='email = "mail"',
        )

        assert refusal is None
        assert buyers(tenant) == {
            "o1": "guest a@example.org",
            "o2": "guest a@example.org",
            "o3": "guest b@example.org",
            "o4": "guest of order o4",
            "o5": "guest of order o5",
            "o6": "guest of order o6",
            "o7": "c-7",
        }
        with tenant_scope(tenant.id):
            assert Membership.objects.get(external_id="guest a@example.org").email == "a@example.org"

    def test_a_map_names_placeholders_of_its_own(self, load, tenant):
        load(HEADER, "o1,WEB,new", "o2,web,new", "o3,guest,new", "o4,0,new", customer='guests = ["web"]')

        assert buyers(tenant) == {
            "o1": "guest of order o1",
            "o2": "guest of order o2",
            "o3": "guest",
            "o4": "guest of order o4",
        }

    def test_with_the_address_of_a_customer_they_are_that_customer_and_change_nothing_in_them(self, load, tenant):
        known = MemberFactory(tenant=tenant, external_id="c-1", first_name="Layla", email="layla@example.org")
        lines = "order,customer,status,mail,name", "o1,0,new,Layla@example.org,Someone"
        told = {"customer": 'email = "mail"\nfirst_name = "name"'}

        assert load(*lines, **told)[1] is None
        with tenant_scope(tenant.id):
            assert Order.objects.get().customer_id == known.id
            assert Membership.objects.get().first_name == "Layla"
        assert "0 would be changed" in load(*lines, **told, apply=False)[0]

    def test_with_the_address_of_staff_they_are_not_staff(self, load, tenant):
        agent = MemberFactory(tenant=tenant, agent=True)

        said, _refusal = load("order,customer,status,mail", f"o1,0,new,{agent.email}", customer='email = "mail"')

        assert buyers(tenant) == {"o1": f"guest {agent.email}"}
        assert "1 left out of a customer's details:\n  line 2: email" in said

    def test_a_second_run_and_long_names_make_nobody_new(self, load, tenant):
        lines = [HEADER, f"{'o' * 64},,new", "o2,,new"]
        load(*lines)

        assert load(*lines)[0].startswith("0 created, 0 updated, 2 unchanged")
        assert len(guest_id(f"{'x' * 240}@example.org", "o1")) <= 200
        assert guest_id(f"{'x' * 240}@example.org", "o1") != guest_id(f"{'x' * 241}@example.org", "o1")

    def test_who_were_one_person_before_are_parted(self, load, tenant):
        one = MemberFactory(tenant=tenant, external_id="0")
        for number in ("o1", "o2"):
            OrderFactory(tenant=tenant, customer=one, external_id=number, number=number)

        load(HEADER, "o1,0,new", "o2,0,new")

        assert set(buyers(tenant).values()) == {"guest of order o1", "guest of order o2"}


class TestSeveralLinesOfOneOrder:
    LINES = (
        "order,customer,status,price,items",
        "o1,c,new,10.00,1",
        "o1,c,done,7.50,2",
        "o2,c,new,3.00,1",
        "o1,c,new,1.00,1",
    )
    TOTAL = {"order": 'total_amount = "price"\nitem_count = "items"'}

    @pytest.mark.parametrize("apply", [True, False])
    def test_are_refused_in_one_sentence_before_anything_is_written(self, load, tenant, apply):
        said, refusal = load(*self.LINES, **self.TOTAL, apply=apply)

        assert said == ""
        assert "several lines for one order (1 such orders; the first is 'o1', lines 2 and 5)" in refusal
        assert 'lines = "first" or "last"' in refusal
        with tenant_scope(tenant.id):
            assert not FixRun.objects.exists()
        assert values(tenant, "number") == []

    def test_the_same_line_twice_is_several_lines_too(self, load, tenant):
        assert "several lines" in load(HEADER, "o1,c,new", "o1,c,new")[1]

    @pytest.mark.parametrize(("which", "status"), [("first", "pending"), ("last", "delivered")])
    def test_the_map_says_which_one_counts(self, load, tenant, which, status):
        said, refusal = load(HEADER, "o1,c,new", "o2,c,new", "o1,c,done", file=f'lines = "{which}"')

        assert refusal is None
        assert f"1 orders have several lines: the {which} one counts." in said
        assert values(tenant, "number", "status") == [("o1", status), ("o2", "pending")]

    def test_the_price_of_a_line_is_never_the_orders_total(self, load, tenant):
        said, refusal = load(*self.LINES, **self.TOTAL, file='lines = "first"')

        assert refusal == "Some items failed; they are named above."
        assert "line 2: price: the lines of order o1 differ in it" in said
        assert values(tenant, "number", "total_amount") == [("o2", 3)]

    def test_a_total_that_all_lines_repeat_or_only_one_has_is_the_orders(self, load, tenant):
        _said, refusal = load(
            "order,customer,status,price",
            "o1,c,new,10.00",
            "o1,c,new,10",
            "o2,c,new,8.00",
            "o2,c,new,",
            "o2,c,new,-",
            file='lines = "first"',
            order='total_amount = "price"',
        )

        assert refusal is None
        assert values(tenant, "number", "total_amount") == [("o1", 10), ("o2", 8)]


class TestWordsAndNumbers:
    @pytest.mark.parametrize("empty", ["", "NULL", "null", "\\N", "N/A", "-", "0000-00-00", "0000-00-00 00:00:00"])
    def test_words_that_mean_empty(self, load, tenant, empty):
        columns = 'total_amount = "sum"\nplaced_at = "at"\nitem_count = "items"\ncurrency = "cur"\nstore = "shop"'
        _said, refusal = load(
            "order,customer,status,sum,at,items,cur,shop,name",
            f"o1,c1,new,{','.join([empty] * 6)}",
            order=columns,
            customer='first_name = "name"',
        )

        assert refusal is None
        assert values(tenant, "total_amount", "placed_at", "item_count", "currency", "store") == [(None,) * 5]
        with tenant_scope(tenant.id):
            assert Membership.objects.get().first_name == ""

    def test_a_word_a_status_is_translated_from_is_not_empty_and_a_name_is_a_name(self, load, tenant):
        load("order,customer,status,name", "o1,c1,-,Null", more='"-" = "approved"', customer='first_name = "name"')

        assert values(tenant, "status", "customer__first_name") == [("approved", "Null")]

    def test_a_map_has_empty_words_of_its_own(self, load, tenant):
        load(
            "order,customer,status,shop",
            "o1,c1,new,keine",
            "o2,c1,new,NULL",
            file='empty = ["keine"]',
            order='store = "shop"',
        )

        assert values(tenant, "store") == [(None,), ("NULL",)]

    @pytest.mark.parametrize(
        ("decimal", "text", "amount"),
        [
            (",", "1.234,50", "1234.50"),
            (",", "12,5", "12.50"),
            (",", "1.234", "1234.00"),
            (",", "1234", "1234.00"),
            (",", "-3,00", "-3.00"),
            (".", "1,234.50", "1234.50"),
            (".", "12.50", "12.50"),
            (",", "12.50", None),
            (".", "12,50", None),
            (".", "1,234", None),
            (".", "1.234", None),
            (".", "1e3", None),
            (".", "1_000", None),
            (".", "NaN", None),
            (".", "$5", None),
            (",", "1.23.456", None),
            (",", "1,234,567", None),
            (".", "9" * 13, None),
        ],
    )
    def test_an_amount_is_read_where_it_can_mean_one_thing(self, load, tenant, decimal, text, amount):
        said, refusal = load(
            "order;customer;status;sum",
            f"o1;c;new;{text}",
            order='total_amount = "sum"',
            file=f'delimiter = ";"\ndecimal = "{decimal}"',
        )

        if amount is None:
            assert f"line 2: sum: '{text}' is not an amount" in said
        else:
            assert (refusal, str(values(tenant, "total_amount")[0][0])) == (None, amount)

    @pytest.mark.parametrize(
        "at", ["9999-12-31 00:00:00", "0026-11-20 09:00:00", "1899-12-31 00:00:00", "2200-01-02 00:00:00"]
    )
    def test_a_year_no_order_lies_in_costs_the_row(self, load, tenant, at):
        said, _refusal = load("order,customer,status,at", f"o1,c,new,{at}", order='placed_at = "at"')

        assert f"line 2: at: '{at}' is not between 1900 and 2199" in said

    def test_offsets_and_clock_changes(self, load, tenant):
        told = {"file": 'time_zone = "America/New_York"', "order": 'placed_at = "at"'}
        lines = [
            "order,customer,status,at",
            "o1,c,new,2026-11-20 09:00:00 +0300",
            "o2,c,new,2026-11-01 01:30:00",
            "o3,c,new,2026-03-08 02:30:00",
        ]

        plan, said = load(*lines, **told, apply=False)[0], load(*lines, **told)[0]

        for text in (plan, said):
            assert "1 came twice in a clock change, taken for the first time:\n  line 3: at" in text
            assert "1 moved forward out of a clock change:\n  line 4: at" in text
        assert [moment for (moment,) in values(tenant, "placed_at")] == [
            datetime(2026, 11, 20, 6, tzinfo=UTC),
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
            datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
        ]

    def test_constants_stand_in_every_row(self, load, tenant):
        _said, refusal = load(
            HEADER,
            "o1,c1,new",
            order='currency = { value = "IQD" }\nstore = { value = "Mansour" }\npayment_status = { value = "paid" }',
            customer='language = { value = "ckb" }',
        )

        assert refusal is None
        assert values(tenant, "currency", "store", "payment_status", "customer__language") == [
            ("IQD", "Mansour", "paid", "ku")
        ]

    def test_odd_details_of_customers_are_left_out_and_named(self, load, tenant):
        said, refusal = load(
            "order,customer,status,mail,tel,lang",
            f"o1,c1,new,x@,{'0' * 41},xx",
            "o2,c2,new,a@example.org,0770,ar-IQ",
            customer='email = "mail"\nphone = "tel"\nlanguage = "lang"',
        )

        assert refusal is None
        assert "3 left out of a customer's details:\n  line 2: mail (This value is not valid.)" in said
        assert values(tenant, "customer__email", "customer__phone", "customer__language") == [
            (None, "", ""),
            ("a@example.org", "0770", "ar"),
        ]


class TestOlderRows:
    TOLD = {"order": 'source_updated_at = "at"', "customer": 'first_name = "name"'}
    HEADER = "order,customer,status,at,name"

    def test_change_neither_order_nor_customer_and_are_not_planned(self, load, tenant):
        load(self.HEADER, "o1,c,done,2026-11-20 09:00:00,New", **self.TOLD)
        older = (self.HEADER, "o1,c,new,2026-11-20 08:00:00,Old", "o2,c,new,2026-11-19 08:00:00,Older")

        assert "1 would be changed" in load(*older, **self.TOLD, apply=False)[0]
        assert load(*older, **self.TOLD)[0].startswith("1 created, 0 updated, 1 unchanged")
        assert values(tenant, "number", "status", "customer__first_name") == [
            ("o1", "delivered", "New"),
            ("o2", "pending", "New"),
        ]

    def test_rows_without_a_time_are_said_now_and_leave_it(self, load, tenant):
        load(self.HEADER, "o1,c,done,2026-11-20 09:00:00,New", **self.TOLD)

        load(self.HEADER, "o1,c,new,,Corrected", **self.TOLD)
        assert values(tenant, "status", "customer__first_name") == [("pending", "Corrected")]
        load(self.HEADER, "o1,c,done,2026-11-20 08:00:00,Old", **self.TOLD)
        assert values(tenant, "status", "customer__first_name") == [("pending", "Corrected")]

    def test_a_clock_far_ahead_costs_the_row(self, load, tenant):
        with time_machine.travel(datetime(2026, 11, 20, tzinfo=UTC)):
            said, _refusal = load(
                self.HEADER, "o1,c,new,2026-11-21 00:00:01,A", "o2,c,new,2026-11-20 23:59:59,B", **self.TOLD
            )

        assert "line 2: at: '2026-11-21 00:00:01' is more than a day ahead of this server's clock" in said
        assert values(tenant, "number") == [("o2",)]

    def test_a_change_of_the_customer_alone_is_recorded_and_undone(self, load, tenant):
        load("order,customer,status,name", "o1,c,new,Before", customer='first_name = "name"')
        said, _refusal = load("order,customer,status,name", "o1,c,new,After", customer='first_name = "name"')
        assert said.startswith("0 created, 1 updated")

        call_command("data_fixes", "undo", said.rpartition("undo ")[2].strip(), stdout=io.StringIO())

        assert values(tenant, "customer__first_name") == [("Before",)]


class TestEncodings:
    LINES = "order,customer,status,name\r\no1,c1,new,علي\r\no2,c2,done,ليلى\r\n"

    @pytest.mark.parametrize(
        ("said", "raw"),
        [
            ("", LINES.encode()),
            ("", codecs.BOM_UTF8 + LINES.encode()),
            ("utf8", codecs.BOM_UTF8 + LINES.encode()),
            ("UTF_8", codecs.BOM_UTF8 + LINES.encode()),
            ("utf-8-sig", codecs.BOM_UTF8 + LINES.encode()),
            ("", LINES.encode("utf-16")),
            ("utf-16", LINES.encode("utf-16")),
            ("utf-16", codecs.BOM_UTF16_BE + LINES.encode("utf-16-be")),
            ("utf-16-le", LINES.encode("utf-16-le")),
            ("utf-16-le", LINES.encode("utf-16")),
            ("", LINES.encode("utf-32")),
            ("cp1256", LINES.replace("ى", "ي").encode("cp1256")),
            ("", LINES.replace("\r\n", "\r").encode()),
            ("", LINES.replace("\r\n", "\n").encode()),
            ("", LINES.replace("\r\n", "\r").encode("utf-16")),
            ("", LINES.replace("order,", '"order",').replace("o1,", '"o1",').encode()),
        ],
    )
    def test_are_read_as_the_map_or_the_file_says(self, load, tenant, said, raw):
        _said, refusal = load(raw=raw, file=f'encoding = "{said}"' if said else "", customer='first_name = "name"')

        assert refusal is None
        assert values(tenant, "number", "customer__first_name")[0] == ("o1", "علي")
        assert len(values(tenant, "number")) == 2

    @pytest.mark.parametrize(
        ("said", "raw", "sentence"),
        [
            ("utf-8", LINES.encode("utf-16"), "begins as utf-16 does, and the map says utf-8"),
            ("cp1256", codecs.BOM_UTF8 + LINES.encode(), "begins as utf-8 does, and the map says cp1256"),
            ("utf-16", LINES.encode("utf-16") + b"\x00", "cannot be read as utf-16"),
            ("utf-16", LINES.encode(), "utf-16"),
            ("", LINES.encode("utf-16-le"), "is no text in utf-8"),
            ("", b"PK\x03\x04\x14\x00\x06\x00" + bytes(range(256)) * 20, "is no text in utf-8"),
            ("", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is no text in utf-8"),
            ("", b"\x1f\x8b\x08\x00" + bytes(range(256)), "is no text in utf-8"),
            ("", b"\x00" * 5000, "is no text in utf-8"),
            ("", b"x" * 300_000, "has no header that can be read"),
            ("", b"order;customer;status\no1;c1;new\n", "Its delimiter seems to be ';'"),
            ("", b"order,customer,status,status\no1,c1,new,done\n", "more than one column status"),
            ("", b"", "has no column customer, order, status. Found: nothing."),
            ("", codecs.BOM_UTF8, "Found: nothing."),
            ("shift_jis", bytes(range(128, 256)), "in shift_jis"),
            ("idna", LINES.encode(), "cannot be read as idna"),
        ],
    )
    def test_else_one_sentence(self, load, tenant, said, raw, sentence):
        out, refusal = load(raw=raw, file=f'encoding = "{said}"' if said else "")

        assert out == ""
        assert sentence in refusal
        assert "\n" not in refusal
        with tenant_scope(tenant.id):
            assert not FixRun.objects.exists()

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (LINES.encode("cp1256"), "line 2: name: not readable as utf-8"),
            (b'order,customer,status,name\n"o1,c1,new,x\n', "line 2: unexpected end of data"),
        ],
    )
    def test_or_a_reason_for_each_row(self, load, tenant, raw, reason):
        said, _refusal = load(raw=raw, customer='first_name = "name"')

        assert reason in said
        assert values(tenant, "number") == []

    def test_any_bytes_at_all(self, load):
        chance = random.Random(60)
        for encoding in ("", "utf-8", "utf-16", "utf-32", "cp1252", "utf-7", "gb18030", "iso2022_jp"):
            for _file in range(6):
                raw = chance.choice([b"", b"order,customer,status\n", codecs.BOM_UTF16_LE]) + chance.randbytes(300)
                _said, refusal = load(raw=raw, file=f'encoding = "{encoding}"' if encoding else "", apply=False)
                assert refusal is None or "\n" not in refusal

    def test_what_is_no_file(self, tenant, tmp_path):
        (tmp_path / "map.toml").write_text(MAP.format(file="", customer="", order="", more=""))

        with pytest.raises(CommandError, match="is no file"):
            call_command("import_orders", str(tmp_path), "--tenant=tigris", f"--map={tmp_path / 'map.toml'}")


class TestMappings:
    @pytest.mark.parametrize(
        ("parts", "reason"),
        [
            ({"file": 'date_fromat = "%Y"'}, "[file] knows no date_fromat"),
            ({"file": 'timezone = "UTC"'}, "[file] knows no timezone"),
            ({"order": 'totl = "x"'}, "[order] knows no field totl"),
            ({"more": '[delivery_statsu]\nx = "delivered"'}, "Unknown section: delivery_statsu"),
            ({"more": 'x = "deliverd"'}, "[order_status] leads to unknown words: deliverd"),
            ({"file": 'date_format = "%Y-%m"'}, "date_format '%Y-%m' cannot be used"),
            ({"file": 'date_format = "%Q"'}, "'Q' is a bad directive"),
            ({"file": 'time_zone = "Asia"'}, "No time zone found with the name Asia"),
            ({"file": 'time_zone = "../etc/passwd"'}, "No time zone found"),
            ({"file": 'decimal = ";"'}, 'decimal must be "." or ","'),
            ({"file": 'lines = "all"'}, 'lines must be "first" or "last"'),
            ({"file": 'empty = "NULL"'}, "[file] empty must be a list of text values"),
            ({"file": "delimiter = '\"'"}, "delimiter must be one character, and no quote"),
            ({"file": 'encoding = "base64"'}, "is not a text encoding"),
            ({"customer": "guests = [0]"}, "[customer] guests must be a list of text values"),
            ({"order": "currency = { value = 7 }"}, "must hold text values"),
            ({"order": 'currency = { column = "x" }'}, "must hold text values"),
            ({"order": 'currency = { value = "dinar" }'}, "[order] currency: 'dinar' is not a currency"),
            ({"order": 'payment_status = { value = "payed" }'}, "'payed' is no status of ours"),
            ({"customer": 'language = { value = "tlh" }'}, "[customer] language"),
            ({"customer": 'email = { value = "a@example.org" }'}, "[customer] email must be a column"),
        ],
    )
    def test_a_mistyped_key_or_value_is_an_error(self, load, parts, reason):
        assert reason in load(HEADER, "o1,c1,new", **parts)[1]

    def test_the_example_is_a_map_and_one_may_begin_with_a_mark(self, tmp_path):
        path = tmp_path / "map.toml"
        path.write_bytes(codecs.BOM_UTF8 + MAP.format(file="", customer="", order="", more="").encode())

        assert read_mapping(path).lines == ""
        with pytest.raises(MappingError):
            read_mapping(tmp_path / "none.toml")


def test_a_number_taken_since_the_plan_fails_its_row_alone(tenant, tmp_path):
    (tmp_path / "map.toml").write_text(MAP.format(file="", customer="", order="", more=""))
    (tmp_path / "orders.csv").write_text(f"{HEADER}\no1,c1,new\no2,c2,new\n")
    fix = ImportOrders(tenant.id, path=tmp_path / "orders.csv", mapping=read_mapping(tmp_path / "map.toml"))
    with tenant_scope(tenant.id):
        items = list(fix.items())
    OrderFactory(tenant=tenant, external_id="other", number="o1")

    with tenant_scope(tenant.id):
        batch = fix.apply_all(items, at=datetime(2026, 11, 20, tzinfo=UTC))

    assert (batch.changed, batch.faults) == (1, [("line 2", "order number o1 belongs to another order")])
    assert values(tenant, "number", "external_id") == [("o1", "other"), ("o2", "o2")]
