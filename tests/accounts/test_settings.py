"""Portal settings by API (API.md section 6)."""

import pytest

from ondi.accounts.models import SettingsChange
from ondi.files.kinds import ALLOWED
from ondi.tenants.scope import tenant_scope
from support.errors import CannotManageSettings
from support.settings.portal import SETTINGS
from support.settings.services import update_portal_settings
from tests.factories import MemberFactory, actor, make_ticket, reload

pytestmark = pytest.mark.django_db

PATH = "/delivery/customer-portal/settings"


@pytest.fixture
def admin(api, tenant):
    return api.as_(MemberFactory(tenant=tenant, admin=True, first_name="Noor", last_name="Aziz"))


def test_service_refuses_who_is_no_admin_whatever_the_door(tenant):
    lead = MemberFactory(tenant=tenant, lead=True)

    with tenant_scope(tenant.id), pytest.raises(CannotManageSettings):
        update_portal_settings(actor=actor(lead), changes={"allow_customer_close": True})


def put(client, **values):
    return client.call("PUT", PATH, body=values)


def by_section(names):
    """These settings at their defaults, where the API keeps them."""
    found = {}
    for name in names:
        section = found
        for word in SETTINGS[name].section.split("."):
            section = section.setdefault(word, {})
        section[name] = SETTINGS[name].default
    return found


def test_customer_sees_what_the_portal_allows(api, tenant):
    data = api.as_(MemberFactory(tenant=tenant)).get("/customer/delivery/portal-settings").json()["data"]

    attachments = {"max_files": 10, "max_bytes": 26_214_400, "content_types": list(ALLOWED)}
    expected = by_section(name for name, one in SETTINGS.items() if one.for_customers)
    assert data == {**expected, "attachments": attachments}
    assert data["support_ticket_settings"]["max_customer_priority"] == "urgent"
    assert "acknowledgement_html" not in data["support_ticket_settings"]


def test_admin_sees_values_and_options(admin, tenant, settings):
    sara = MemberFactory(tenant=tenant, agent=True, first_name="Sara", last_name="Kareem")
    MemberFactory(tenant=tenant)

    data = admin.get(PATH).json()["data"]

    person = {"id": str(sara.user_id), "name": "Sara Kareem"}
    assert {option["name"] for option in data["options"]["support_users"]} == {"Noor Aziz", "Sara Kareem"}
    expected = by_section(SETTINGS)
    expected["support_ticket_settings"] |= {"support_user_ids": [person["id"]], "support_users": [person]}
    expected["file_settings"] = {"quota_bytes": settings.FILES_QUOTA_BYTES, "used_bytes": 0}
    assert data["values"] == expected
    assert data["values"]["visibility_settings"]["chat"]["support_chat_enabled"] is True


def test_change_is_partial_in_force_at_once_and_recorded(api, admin, tenant):
    customer = MemberFactory(tenant=tenant)
    ticket = make_ticket(customer)
    portal = api.as_(customer)
    assert portal.post(f"/customer/support/tickets/{ticket.id}/close").status_code == 403

    response = put(admin, support_ticket_settings={"allow_customer_close": True})

    assert response.status_code == 200
    assert response.json()["data"]["values"]["support_ticket_settings"]["allow_customer_close"] is True
    assert portal.post(f"/customer/support/tickets/{ticket.id}/close").status_code == 200
    put(admin, visibility_settings={"chat": {"support_chat_enabled": False}})
    assert admin.get(PATH).json()["data"]["values"]["support_ticket_settings"]["allow_customer_close"] is True
    assert portal.post("/customer/support/tickets", {}).json()["error"] == "support_chat_disabled"
    put(admin)
    with tenant_scope(tenant.id):
        changes = [
            (change.actor.first_name, change.before, change.after) for change in SettingsChange.objects.order_by("id")
        ]
    assert changes == [
        ("Noor", {"allow_customer_close": False}, {"allow_customer_close": True}),
        ("Noor", {"support_chat_enabled": True}, {"support_chat_enabled": False}),
    ]


def test_acknowledgement_is_sanitised_and_merged(admin):
    put(
        admin,
        support_ticket_settings={"acknowledgement_html": {"en": "<p onclick=x>Hi<script>x</script></p>", "ar": "أهلاً"}},
    )
    response = put(admin, support_ticket_settings={"acknowledgement_html": {"ar": ""}})

    values = response.json()["data"]["values"]["support_ticket_settings"]
    assert values["acknowledgement_html"] == {"en": "<p>Hi</p>"}


def test_support_users_are_the_list_and_leavers_lose_their_tickets(admin, tenant):
    sara, dana = MemberFactory(tenant=tenant, agent=True), MemberFactory(tenant=tenant, role="agent")
    ticket = make_ticket(MemberFactory(tenant=tenant), agent=sara)

    response = put(admin, support_ticket_settings={"support_user_ids": [str(dana.user_id)]})

    assert response.json()["data"]["values"]["support_ticket_settings"]["support_user_ids"] == [str(dana.user_id)]
    assert reload(ticket).assignee_id is None


def test_last_support_user_is_taken_off_when_that_is_confirmed(admin, tenant):
    sara = MemberFactory(tenant=tenant, agent=True)
    nobody = {"support_ticket_settings": {"support_user_ids": [], "allow_customer_close": True}}

    for confirm in ({}, {"confirm": False}):
        refused = put(admin, **nobody, **confirm)
        assert (refused.status_code, list(refused.json()["data"]["fields"])) == (400, ["confirm"])
    assert reload(sara).is_support_user
    faulty = put(admin, **nobody, confirm="yes")
    assert faulty.json()["data"]["fields"]["confirm"][0]["code"] == "invalid"

    taken = put(admin, **nobody, confirm=True)

    assert taken.json()["data"]["values"]["support_ticket_settings"]["support_user_ids"] == []
    assert put(admin, **nobody).status_code == 200, "there is none to take off"


@pytest.mark.parametrize("who", ["customer", "foreign agent", "nobody"])
def test_person_who_is_no_staff_is_refused(admin, tenant, who):
    ids = {
        "customer": lambda: MemberFactory(tenant=tenant).user_id,
        "foreign agent": lambda: MemberFactory(agent=True).user_id,
        "nobody": lambda: "0197f0a0-0000-7000-8000-000000000011",
    }

    changes = {"support_user_ids": [str(ids[who]())], "allow_customer_close": True}
    response = put(admin, support_ticket_settings=changes)

    assert response.status_code == 400
    assert list(response.json()["data"]["fields"]) == ["support_user_ids"]
    values = admin.get(PATH).json()["data"]["values"]["support_ticket_settings"]
    assert values["allow_customer_close"] is False, "nothing is changed by half"


@pytest.mark.parametrize(
    "values",
    [
        {"allow_customer_close": "yes"}, {"allow_customer_close": 1}, {"allow_customer_close": None},
        {"max_customer_priority": "asap"}, {"acknowledgement_html": "<p>x</p>"}, {"acknowledgement_html": {"fr": "x"}},
        {"acknowledgement_html": {"en": 5}}, {"acknowledgement_html": {"en": "x" * 8001}},
        {"acknowledgement_html": {"en": "\x00"}}, {"support_user_ids": "x"}, {"support_user_ids": ["x"]},
        {"support_user_ids": None},
    ],
    ids=lambda values: str(values)[:50],
)  # fmt: skip
def test_faulty_values_are_refused(admin, values):
    response = put(admin, support_ticket_settings=values)

    assert (response.status_code, response.json()["error"]) == (400, "validation_error")
