"""What every answer has: envelope, request id, language, CORS, caching (API.md section 1)."""

from uuid import UUID

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from conversations.services import post_system_message
from ondi.api.throttles import TokenBuckets, buckets
from ondi.tenants.models import Language
from ondi.tenants.scope import find_tenants, tenant_scope
from tests.factories import MemberFactory, TenantFactory, make_ticket

pytestmark = pytest.mark.django_db

TICKETS = "/customer/support/tickets"


@pytest.fixture
def portal(api):
    return api.as_(MemberFactory(tenant=TenantFactory()))


class TestEnvelope:
    @pytest.mark.parametrize(
        "path",
        [
            "/nope",
            f"{TICKETS}/",
            "/customer",
            "/auth/login/",
            "/%ff",
            "/docs/",
            "/docsx",
            "/static/x",
            "/health/live/x",
        ],
    )
    def test_unknown_path_is_json(self, api, path):
        response = api.get(path)

        assert response.status_code == 404
        assert response.json() == {"success": False, "message": "Not found.", "error": "not_found"}

    def test_accept_header_does_not_change_the_format(self, portal):
        for accept in ("text/html", "application/xml", "image/png;q=1", "nonsense"):
            response = portal.get(TICKETS, Accept=accept)
            assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")

    def test_answers_are_not_cached_nor_sniffed(self, api, portal):
        for response in (portal.get(TICKETS), api.get("/nope"), api.post("/auth/login", {})):
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Content-Type-Options"] == "nosniff"

    def test_a_bug_is_an_internal_error_and_undone(self, portal, monkeypatch):
        def broken(**_ticket):
            raise RuntimeError("a secret detail")

        monkeypatch.setattr("support.api.customer.views.open_ticket", broken)

        response = portal.post(TICKETS, {"subject": "x", "message": "y"})

        assert (response.status_code, response.json()["error"]) == (500, "internal_error")
        assert b"secret" not in response.content

    def test_absent_database_is_service_unavailable(self, portal, monkeypatch):
        def away(*_statement):
            raise OperationalError("the connection is lost, and here is the password")

        monkeypatch.setattr("ondi.accounts.entering._call", away)

        response = portal.get(TICKETS)

        assert (response.status_code, response.json()["error"]) == (503, "service_unavailable")
        assert response.headers["Retry-After"] == "2"
        assert b"password" not in response.content

    def test_absent_database_is_service_unavailable_before_the_view_too(self, portal, monkeypatch):
        def away():
            raise OperationalError("no route to the database")

        monkeypatch.setattr(connection, "ensure_connection", away)
        monkeypatch.setattr(connection, "cursor", away)
        monkeypatch.setattr("tests.client._forget_scope", lambda: None)

        response = portal.get(TICKETS)

        assert (response.status_code, response.json()["error"]) == (503, "service_unavailable")

    def test_process_is_live_without_a_database(self, api, monkeypatch):
        def away(*_arguments):
            raise OperationalError

        monkeypatch.setattr(connection, "cursor", away)
        monkeypatch.setattr("tests.client._forget_scope", lambda: None)

        assert api.get("/health/live").status_code == 200
        assert api.get("/health/ready").status_code == 503


class TestRequestId:
    def test_sane_one_is_kept(self, api):
        assert api.get("/health/live", **{"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"

    @pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "<script>", "é"])
    def test_others_are_replaced(self, api, given):
        UUID(api.get("/nope", **{"X-Request-ID": given}).headers["X-Request-ID"])


NOT_FOUND = {
    "en": "Ticket not found.", "ar": "التذكرة غير موجودة.", "ku": "تیکێتەکە نەدۆزرایەوە.", "fa": "تیکت یافت نشد.",
}  # fmt: skip


class TestLanguage:
    """The first supported of `?language=`, `Accept-Language`, the tenant's, English."""

    @pytest.mark.parametrize(
        ("query", "header", "tenant", "spoken"),
        [
            ("ar", "en", "en", "ar"), ("en", "ar", "ar", "en"), ("", "ar-IQ,en;q=0.5", "en", "ar"),
            ("", "de,it", "ar", "ar"), ("it", "ar", "en", "ar"), ("", "", "ar", "ar"), ("", "", "en", "en"),
            ("AR_iq", "", "en", "ar"), ("", "en;q=0.1,ar;q=0.9", "en", "ar"), ("\x00", "", "en", "en"),
            ("", "*", "en", "en"), ("", ";;;,,q=", "en", "en"),
            ("ku", "", "en", "ku"), ("ckb", "", "en", "ku"), ("", "ckb-IQ", "ar", "ku"), ("", "", "ku", "ku"),
            ("", "ku-Arab-IQ,ar", "en", "ku"), ("fa", "", "en", "fa"), ("", "", "fa", "fa"),
            ("", "fa-IR,fa;q=0.9,en;q=0.8", "en", "fa"),
            ("", "ar;q=0", "en", "en"), ("", "ar;q=0", "ar", "en"), ("", "ar;q=0.0,fa", "ar", "fa"),
            ("", "fa;q=0,ckb;q=0.1", "fa", "ku"), ("", "en;q=0", "ar", "ar"), ("", "en;q=0", "en", "en"),
            ("", "ar-SY;q=0,ar", "en", "ar"), ("ar", "ar;q=0", "en", "ar"), ("", "ckb;q=0", "ku", "en"),
        ],
    )  # fmt: skip
    def test_first_supported_one_is_spoken(self, api, query, header, tenant, spoken):
        portal = api.as_(MemberFactory(tenant=TenantFactory(language=tenant)))

        response = portal.get(f"{TICKETS}/0197f0a0-0000-7000-8000-000000000011",
                              {"language": query}, **{"Accept-Language": header})  # fmt: skip

        assert (response.status_code, response.json()["message"]) == (404, NOT_FOUND[spoken])

    @pytest.mark.parametrize("language", ["ku", "fa"])
    def test_before_the_tenant_is_known_too(self, api, language):
        answer = api.get("/users/me", {"language": language})

        assert answer.json()["message"] == {"ku": "تکایە بچۆ ژوورەوە.", "fa": "لطفاً وارد شوید."}[language]

    def test_tenants_speak_what_the_api_speaks(self):
        assert tuple(Language.values) == settings.API_LANGUAGES

    @pytest.mark.parametrize("language", ["ku", "fa"])
    def test_events_are_told_in_the_readers_language(self, portal, language):
        ticket = portal.post(TICKETS, {"subject": "x", "message": "y"}).json()["data"]["ticket"]
        with tenant_scope(*find_tenants().values()):
            post_system_message(conversation_id=ticket["conversation"]["id"], code="ticket_closed", at=timezone.now())

        messages = portal.get(
            f"/messaging/conversations/{ticket['conversation']['id']}/messages", {"language": language}
        )

        told = {"ku": "ئەم تیکێتە داخرا.", "fa": "این تیکت بسته شد."}[language]
        assert messages.json()["data"]["messages"][0]["content"] == told

    def test_the_admin_stays_in_its_two_languages(self, client):
        for header, language in (("fa,ar;q=0.5", "ar"), ("ckb", "en"), ("ar", "ar")):
            page = client.get("/admin/login/", headers={"Accept-Language": header})
            assert f'<html lang="{language}"' in page.content.decode(), header

    def test_field_messages_are_translated(self, portal):
        response = portal.post(f"{TICKETS}?language=ar", {})

        assert response.json()["data"]["fields"]["subject"][0]["message"] == "هذا الحقل مطلوب."

    def test_one_request_does_not_colour_the_next(self, api):
        api.get("/nope?language=ar")

        assert api.get("/nope").json()["message"] == "Not found."


class TestCors:
    ORIGIN = "https://portal.example"

    def test_preflight_needs_no_token(self, api):
        response = api.call("OPTIONS", TICKETS, Origin=self.ORIGIN, **{
            "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,idempotency-key",
        })  # fmt: skip

        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == self.ORIGIN
        allowed = {name.strip() for name in response.headers["Access-Control-Allow-Headers"].split(",")}
        assert allowed == {
            "authorization", "content-type", "accept-language", "idempotency-key", "x-request-id", "last-event-id",
        }  # fmt: skip
        assert "Access-Control-Allow-Credentials" not in response.headers

    def test_answer_exposes_our_headers(self, portal):
        response = portal.get(TICKETS, Origin=self.ORIGIN)

        exposed = {name.strip() for name in response.headers["Access-Control-Expose-Headers"].split(",")}
        assert exposed == {"X-Request-ID", "Idempotency-Replayed", "Retry-After", "Date"}

    def test_other_origins_get_nothing(self, portal):
        assert "Access-Control-Allow-Origin" not in portal.get(TICKETS, Origin="https://evil.example").headers

    def test_refusals_can_be_read_too(self, api):
        for path in ("/nope", TICKETS):
            assert api.get(path, Origin=self.ORIGIN).headers["Access-Control-Allow-Origin"] == self.ORIGIN


class TestIdempotency:
    NEW = {"subject": "Help", "message": "Please"}

    def post(self, portal, body=None, key="k-1", raw=None):
        return portal.call("POST", TICKETS, body=body, raw=raw, **{"Idempotency-Key": key})

    def test_first_answer_comes_again(self, portal):
        first = self.post(portal, self.NEW)
        second = self.post(portal, raw=b'{ "message":"Please",  "subject" : "Help" }')

        assert (first.status_code, second.status_code) == (201, 201)
        assert second.json() == first.json()
        assert "Idempotency-Replayed" not in first.headers
        assert second.headers["Idempotency-Replayed"] == "true"
        assert portal.get(TICKETS).json()["data"]["pagination"]["total"] == 1

    def test_other_json_is_refused(self, portal):
        self.post(portal, self.NEW)

        response = self.post(portal, {**self.NEW, "message": "Other"})

        assert (response.status_code, response.json()["error"]) == (422, "idempotency_key_reused")

    def test_refusal_frees_the_key(self, portal):
        assert self.post(portal, {}).status_code == 400
        assert self.post(portal, self.NEW).status_code == 201

    def test_keys_are_each_callers_own(self, api, portal):
        self.post(portal, self.NEW)
        other = api.as_(MemberFactory())

        response = self.post(other, self.NEW)

        assert response.status_code == 201
        assert "Idempotency-Replayed" not in response.headers

    def test_keys_are_not_shared_with_the_neighbour(self, api):
        tenant = TenantFactory()
        one, other = (api.as_(MemberFactory(tenant=tenant)) for _number in range(2))
        self.post(one, self.NEW)

        response = self.post(other, self.NEW)

        assert response.status_code == 201
        assert "Idempotency-Replayed" not in response.headers
        assert self.post(other, {**self.NEW, "subject": "x"}).status_code == 422, "and it is kept for each"

    @pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256, "tab\t"])
    def test_malformed_key_is_refused(self, portal, key):
        response = self.post(portal, self.NEW, key=key)

        assert response.status_code == 400
        assert list(response.json()["data"]["fields"]) == ["Idempotency-Key"]

    def test_key_is_free_again_after_a_day(self, portal):
        import time_machine

        from ondi.api.idempotency import KEPT_FOR
        from ondi.api.models import IdempotencyRecord

        first = self.post(portal, self.NEW).json()
        with tenant_scope(*find_tenants().values()):
            IdempotencyRecord.objects.update(created_at=timezone.now() - KEPT_FOR)
        with time_machine.travel(timezone.now(), tick=False):
            second = self.post(portal, {**self.NEW, "message": "Other"})

        assert second.status_code == 201
        assert second.json()["data"]["ticket"]["id"] != first["data"]["ticket"]["id"]


class TestThrottle:
    @override_settings(WRITES_PER_MINUTE=60, READS_PER_MINUTE=60, THROTTLE_BURST=4, WEB_WORKERS=1)
    def test_burst_then_429_with_retry_after(self, api, portal, monkeypatch):
        monkeypatch.setattr(buckets, "_clock", lambda: 0.0)
        statuses = [portal.post(TICKETS, {}).status_code for _request in range(5)]

        assert statuses == [400, 400, 400, 400, 429]
        refused = portal.post(TICKETS, {})
        assert refused.json()["error"] == "throttled"
        assert int(refused.headers["Retry-After"]) >= 1
        assert portal.get(TICKETS).status_code == 200, "reads have a bucket of their own"
        assert api.as_(MemberFactory()).post(TICKETS, {}).status_code == 400, "and so has every caller"

    @override_settings(READS_PER_MINUTE=6, THROTTLE_BURST=2, WEB_WORKERS=1)
    def test_a_noisy_tenant_does_not_starve_a_quiet_one(self, api, monkeypatch):
        """Thirty callers of one tenant use up its share; the only caller of another has theirs."""
        monkeypatch.setattr(buckets, "_clock", lambda: 0.0)
        noisy, quiet = TenantFactory(), api.as_(MemberFactory())
        portals = [api.as_(MemberFactory(tenant=noisy)) for _caller in range(30)]

        statuses = [portal.get(TICKETS).status_code for portal in portals for _request in range(2)]

        assert statuses == [200] * (2 * 20) + [429] * 20, "twenty times a caller's burst"
        assert [quiet.get(TICKETS).status_code for _request in range(2)] == [200, 200]

    def test_tokens_come_back_with_time(self):
        now = [0.0]
        buckets = TokenBuckets(clock=lambda: now[0])
        assert [buckets.take("a", per_second=2, burst=2) > 0 for _take in range(3)] == [False, False, True]
        now[0] += 0.5
        assert [buckets.take("a", per_second=2, burst=2) > 0 for _take in range(2)] == [False, True]

    def test_health_is_never_throttled(self, api):
        with override_settings(READS_PER_MINUTE=1, THROTTLE_BURST=1):
            assert {api.get("/health/live").status_code for _request in range(5)} == {200}


def test_tolerates_its_own_tenant_in_any_case(api):
    member = MemberFactory()
    make_ticket(member)

    response = api.as_(member).get(TICKETS, {"tenant_id": str(member.tenant_id).upper()})

    assert response.status_code == 200
