"""What comes from beside the portals: health checks, strange hosts, languages that are not wanted."""

import pytest
from django.test import Client

from ondi.api.middleware import HEALTH
from ondi.settings import MIDDLEWARE

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "", "evil.example", "[2001:db8::1]:80", "a_b", "x" * 300, "ü", ":"])
@pytest.mark.parametrize("path", ["live", "ready"])
def test_health_is_answered_whatever_the_host(host, path):
    answer = Client().get(HEALTH + path, headers={"Host": host})

    assert (answer.status_code, answer.json()["data"]) == (200, {"status": "ok"})


@pytest.mark.parametrize("secure", [True, False])
def test_health_is_answered_over_plain_http(settings, secure):
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get("/health/live", headers={"Host": "10.1.2.3"}, secure=secure).status_code == 200


def test_the_order_of_hosts_and_health_is_the_products():
    assert "ondi.api.middleware.HostMiddleware" in MIDDLEWARE
    assert "django.middleware.common.CommonMiddleware" not in MIDDLEWARE


@pytest.mark.parametrize("host", ["evil.example", "10.1.2.3", "a_b", ""])
@pytest.mark.parametrize("path", ["/users/me", "/customer/support/tickets", "/nothing/there", "/", "/healthy"])
def test_other_hosts_are_refused_in_the_envelope(host, path):
    answer = Client().get(path, headers={"Host": host, "Accept-Language": "ar"})

    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert answer.json()["message"] != "The request is not valid."


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/support/ticket/", "/docs"])
def test_and_to_browsers_on_a_page(path):
    page = Client().get(path, headers={"Host": "evil.example"})

    assert page.status_code == 400
    assert "This cannot be read" in page.content.decode()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ar;q=0", "en"),
        ("ar;q=0, en", "en"),
        ("ar;q=0.0,*;q=0.1", "en"),
        ("ar-IQ;q=0", "en"),
        ("en;q=0, ar;q=0.1", "ar"),
        ("ar;q=0.001", "ar"),
        ("ar", "ar"),
        ("", "en"),
    ],
)
@pytest.mark.parametrize("path", ["/users/me", "/admin/login/"])
def test_a_language_that_is_not_wanted_is_not_taken(header, language, path):
    answer = Client().get(path, headers={"Accept-Language": header})

    assert answer.headers["Content-Language"] == language
