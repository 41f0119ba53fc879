"""A setting of a portal is one field of `Portal`: every door, the record and the doctor have it from there."""

import io
import json

import pytest
from django.core.management import call_command
from django.db import connection

from ondi.accounts.models import SettingsChange
from ondi.common.errors import InvalidInput
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import tenant_scope
from support.fixes.doctor import examine
from support.settings.admin import FORM_FIELDS
from support.settings.kinds import Address, Choice, Line, Link, Links, Number, Switch, Texts
from support.settings.portal import SETTINGS, Portal
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, TenantFactory, actor
from tests.workbench import form_of, workbench

pytestmark = pytest.mark.django_db

SETTINGS_CALL, CUSTOMERS_CALL = "/delivery/customer-portal/settings", "/customer/delivery/portal-settings"
COLUMNS = "allow_customer_close, support_chat_enabled, max_customer_priority, acknowledgement_html"


@pytest.fixture
def admin():
    return MemberFactory(tenant=TenantFactory(), admin=True)


def stored(member):
    with tenant_scope(member.tenant_id):
        return PortalSettings.objects.get().values


def store(member, values):
    with tenant_scope(member.tenant_id):
        PortalSettings.objects.update(values=values)


def another(name):
    """A value of this setting that is not its default."""
    kind, default = SETTINGS[name].kind, SETTINGS[name].default
    match kind:
        case Switch():
            return not default
        case Number(most=most):
            return most
        case Choice(choices):
            return next(word for word in choices.values if word != default)
        case Texts():
            return {"en": "<p>Hello</p>", "ku": "<p>سڵاو</p>"}
        case Address():
            return "desk@tigris.example"
        case Link(placeholder=placeholder):
            return "https://portal.example/{" + placeholder + "}?x=1"
        case Line():
            return "دجلة & Co."
        case Links(names, link):
            return {names.values[0]: "https://portal.example/{" + link.placeholder + "}"}


def nested(name, value):
    for key in reversed([*SETTINGS[name].section.split("."), name]):
        value = {key: value}
    return value


def holds(data, part):
    """Whether these nested objects hold that one."""
    return all(holds(data[key], value) if isinstance(value, dict) and value else data[key] == value
               for key, value in part.items())  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
class TestEverySetting:
    def test_is_read_and_changed_by_api_on_the_record(self, api, admin, name):
        client, value, default = api.as_(admin), another(name), SETTINGS[name].default
        assert holds(client.get(SETTINGS_CALL).json()["data"]["values"], nested(name, default))

        answer = client.call("PUT", SETTINGS_CALL, body=nested(name, value))

        assert answer.status_code == 200
        for data in (answer.json()["data"], client.get(SETTINGS_CALL).json()["data"]):
            assert holds(data["values"], nested(name, value))
        assert stored(admin) == {name: value}
        with tenant_scope(admin.tenant_id):
            change = SettingsChange.objects.get()
        assert (change.before, change.after) == ({name: default}, {name: value})

    @pytest.mark.parametrize("value", [5.5, -1, 10**20, None, ["x"], {"en": 5}, "\x00"], ids=repr)
    def test_takes_nothing_else(self, api, admin, name, value):
        answer = api.as_(admin).call("PUT", SETTINGS_CALL, body=nested(name, value))

        assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
        with tenant_scope(admin.tenant_id), pytest.raises(InvalidInput):
            update_portal_settings(actor=actor(admin), changes={name: value if value != "\x00" else b"x"})
        assert stored(admin) == {}

    def test_is_shown_to_customers_as_it_says(self, api, admin, name):
        data = api.as_(MemberFactory(tenant=admin.tenant)).get(CUSTOMERS_CALL).json()["data"]

        assert (f'"{name}"' in json.dumps(data)) is SETTINGS[name].for_customers

    def test_is_in_the_document(self, api, name):
        schemas = api.get("/schema").json()["components"]["schemas"]

        for part in (("SettingsBody",), ("SettingsValues",), ("CustomerTicketSettings",)):
            schema = schemas[part[0]]
            if part[0] != "CustomerTicketSettings":
                for key in SETTINGS[name].section.split("."):
                    schema = resolved(schemas, schema["properties"][key])
            elif not SETTINGS[name].for_customers or SETTINGS[name].section != "support_ticket_settings":
                assert name not in schema["properties"]
                continue
            assert name in schema["properties"]
            assert (name in schema.get("required", ())) is (part[0] != "SettingsBody"), "what is left out stays"

    def test_is_changed_in_the_admin_on_the_record(self, admin, name):
        value, one = another(name), SETTINGS[name]
        page = f"/admin/tenants/portalsettings/{admin.tenant_id}/change/"
        browser = workbench(admin.user)
        html = browser.get(page).content.decode()
        assert all(f'name="{field}"' in html for field in FORM_FIELDS[name])
        form = {key: default for key, default in form_of(Portal()).items() if key not in FORM_FIELDS[name]}

        answer = browser.post(page, {**form, **form_of(Portal(**{name: value}), name)})

        assert answer.status_code == 302
        assert stored(admin) == {name: value}
        with tenant_scope(admin.tenant_id):
            assert SettingsChange.objects.get().after == {name: value}
        listed = browser.get("/admin/tenants/portalsettings/").content.decode()
        assert (f'class="field-{name}' in listed or f"column-{name}" in listed) is isinstance(one.kind, Switch | Choice)


def resolved(schemas, schema):
    reference = schema.get("$ref") or schema["allOf"][0]["$ref"]
    return schemas[reference.rpartition("/")[2]]


VALUES = [
    True,
    "no",
    1,
    90,
    91,
    7.0,
    7.5,
    1.5,
    1000,
    -1,
    10**20,
    None,
    "low",
    "urgent",
    "Low",
    {},
    {"en": "x"},
    {"en": 5},
    {"en": ["x"]},
    {"en": None},
    ["x"],
]


@pytest.mark.django_db(transaction=True)  # a repair commits
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_does_not_fit_is_at_its_default_named_and_taken_out(admin, value):
    """The finding says in SQL what the kinds of settings say in Python."""
    misfits = [name for name, one in SETTINGS.items() if not one.kind.fits(value)]
    document = {**dict.fromkeys(SETTINGS, value), "of_a_later_release": value}
    store(admin, document)

    portal = Portal.of(actor(admin))

    assert [name for name in SETTINGS if getattr(portal, name) != value or name in misfits] == misfits
    assert all(getattr(portal, name) == SETTINGS[name].default for name in misfits)
    (finding,) = examine(admin.tenant.slug, admin.tenant_id) or [{"finding": None, "details": ()}]
    assert finding["finding"] == ("portal_settings" if misfits else None)
    call_command(
        "repair", "--finding=portal_settings", "--all-tenants", "--apply", stdout=io.StringIO(), stderr=io.StringIO()
    )
    assert stored(admin) == {name: one for name, one in document.items() if name not in misfits}
    assert examine(admin.tenant.slug, admin.tenant_id) == []


def test_no_request_fails_over_a_damaged_document(api, admin):
    store(admin, dict.fromkeys(SETTINGS, 5))

    assert api.as_(admin).get(SETTINGS_CALL).status_code == 200
    assert workbench(admin.user).get(f"/admin/tenants/portalsettings/{admin.tenant_id}/change/").status_code == 200
    opened = api.as_(MemberFactory(tenant=admin.tenant)).post(
        "/customer/support/tickets", {"subject": "Help", "message": "Help"}
    )
    assert opened.status_code == 201


def test_a_change_keeps_what_it_does_not_know(admin):
    store(admin, {"of_a_later_release": [1], "max_customer_priority": "low"})

    with tenant_scope(admin.tenant_id):
        update_portal_settings(actor=actor(admin), changes={"allow_customer_close": True})

    assert stored(admin) == {"of_a_later_release": [1], "max_customer_priority": "low", "allow_customer_close": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sender_name", "a\nb"), ("sender_name", "x" * 101),
        ("reply_to", "no address"), ("reply_to", "a@b.example\nBcc: x@y.z"),
        ("portal_password_url", "https://portal.example/"), ("portal_password_url", "http://portal.example/{token}"),
        ("portal_password_url", "javascript:alert('{token}')"), ("portal_password_url", "https://{token}/"),
        ("portal_password_url", "https://portal.example/{token}/{ticket_id}"), ("portal_ticket_url", {"nowhere": "x"}),
        ("portal_ticket_url", {"storefront": "https://portal.example/"}), ("signature", {"en": "x" * 1001}),
    ],
    ids=str,
)  # fmt: skip
def test_what_mails_cannot_use_is_refused_on_its_field(api, admin, name, value):
    answer = api.as_(admin).call("PUT", SETTINGS_CALL, body=nested(name, value))

    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert name in json.dumps(answer.json()["data"])
    assert stored(admin) == {}


def test_there_is_no_other_setting(admin):
    with tenant_scope(admin.tenant_id), pytest.raises(InvalidInput) as refusal:
        update_portal_settings(actor=actor(admin), changes={"tenant_id": True})

    assert list(refusal.value.fields) == ["tenant_id"]


class TestBesideTheReleaseBefore:
    """Its workers know four columns, and run until the last of them is replaced."""

    def run(self, member, sql, *arguments):
        with tenant_scope(member.tenant_id), connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else None

    def test_what_they_write_counts(self, admin):
        store(admin, {"support_chat_enabled": False})
        self.run(admin, "UPDATE tenants_portalsettings SET allow_customer_close = true, support_chat_enabled = true, "
                        "max_customer_priority = 'low', acknowledgement_html = '{\"en\": \"x\"}'")  # fmt: skip

        assert stored(admin) == {"allow_customer_close": True, "max_customer_priority": "low",
                                 "acknowledgement_html": {"en": "x"}, "support_chat_enabled": False}, (
            "what they left as they knew it was not their change"
        )  # fmt: skip

    def test_a_row_they_make_counts_and_one_brought_back_is_as_it_was(self, admin):
        row = (f"INSERT INTO tenants_portalsettings (tenant_id, updated_at, values, {COLUMNS}) "
               "VALUES (%s, now(), %s, true, true, 'low', '{}')")  # fmt: skip
        self.run(admin, "DELETE FROM tenants_portalsettings")
        self.run(admin, row, admin.tenant_id, "{}")
        assert stored(admin) == {"allow_customer_close": True, "max_customer_priority": "low"}

        self.run(admin, "DELETE FROM tenants_portalsettings")
        self.run(admin, row, admin.tenant_id, '{"allow_customer_close": false}')

        assert stored(admin) == {"allow_customer_close": False, "max_customer_priority": "low"}

    def test_they_enter(self, admin):
        assert self.run(admin, f"SELECT {COLUMNS} FROM ondi_enter_staff(%s)", admin.user_id) == [
            (False, True, "urgent", "{}")
        ]
