"""Beyond what it can do a process refuses at once, and goes on working."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest

from ondi.api.admission import Admission
from ondi.wsgi import application


@pytest.fixture
def busy(settings):
    """One request at work until `go` is set, one may wait."""
    settings.WEB_THREADS, settings.WEB_WAITING, settings.WEB_WAIT_SECONDS = 1, 1, 5
    go, begun = threading.Event(), threading.Event()

    def work(environ, start_response):
        begun.set()
        assert go.wait(10)
        start_response("200 OK", [])
        return [b"done"]

    door = Admission(work)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, door)
        assert begun.wait(5)
        yield door, go, pool, first
        go.set()


def ask(door, path="/customer/support/tickets", **headers):
    """Status, headers and body."""
    started = []
    body = door(
        {"PATH_INFO": path, "wsgi.input": BytesIO(), **headers},
        lambda status, given: started.append((status, dict(given))),
    )
    return int(started[0][0].split()[0]), started[0][1], b"".join(body)


def until_somebody_waits(door, number=1):
    for _try in range(500):
        if door.waiting >= number:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_who_waits_is_let_in_and_who_would_wait_too_long_is_refused_at_once(busy):
    door, go, pool, first = busy
    second = pool.submit(ask, door)
    until_somebody_waits(door)

    status, headers, body = ask(door, "/users/me", HTTP_X_REQUEST_ID="mine")
    assert (status, headers["Retry-After"], headers["X-Request-ID"]) == (503, "2", "mine")
    assert (headers["Content-Type"], headers["Content-Length"]) == ("application/json", str(len(body)))
    answer = json.loads(body)
    assert (answer["success"], answer["error"]) == (False, "service_unavailable")

    go.set()
    assert [first.result(5)[0], second.result(5)[0], ask(door)[0]] == [200, 200, 200]


def test_refusals_are_in_the_callers_language_for_browsers_a_page_and_readable_to_portals(busy, settings):
    door, _go, _pool, _first = busy
    door.waiting = 1
    settings.CORS_ALLOWED_ORIGINS = ["https://portal.example"]

    _status, headers, body = ask(door, HTTP_ACCEPT_LANGUAGE="ar-IQ", HTTP_ORIGIN="https://portal.example")
    assert json.loads(body)["message"] != "The service is busy. Please try again in a moment."
    assert headers["Access-Control-Allow-Origin"] == "https://portal.example"
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in ask(door, HTTP_ORIGIN="https://evil.example")[1]
    status, headers, _body = ask(door, "/admin/support/ticket/", HTTP_ORIGIN="https://portal.example")
    assert (status, headers["Content-Type"].split(";")[0]) == (503, "text/html")
    assert "Access-Control-Allow-Origin" not in headers


def test_where_more_is_coming_all_the_time_only_a_few_may_wait(busy, settings):
    door, go, pool, first = busy
    settings.WEB_WAITING, door.calm_at = 100, door.calm_at - 60
    waiting = [pool.submit(ask, door) for _caller in range(3)]
    until_somebody_waits(door, 3)
    door.waiting += 1  # the fourth

    assert ask(door)[0] == 503

    door.waiting -= 1
    go.set()
    assert {found.result(5)[0] for found in (first, *waiting)} == {200}
    assert ask(door)[0] == 200


def test_waiting_ends(busy, settings):
    door, go, pool, first = busy
    settings.WEB_WAIT_SECONDS = 0.01

    assert pool.submit(ask, door).result(5)[0] == 503

    go.set()
    assert [first.result(5)[0], ask(door)[0]] == [200, 200]


def test_health_is_answered_under_any_load(busy):
    door, go, _pool, _first = busy
    go.set()

    assert ask(door, "/health/live")[0] == 200


def test_a_request_that_fails_frees_its_place(settings):
    settings.WEB_THREADS = 1

    def fail(environ, start_response):
        raise ValueError

    door = Admission(fail)
    for _turn in range(3):
        with pytest.raises(ValueError):
            ask(door)


def test_the_product_stands_behind_it():
    assert isinstance(application, Admission)
