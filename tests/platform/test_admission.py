"""Beyond what it can do a process refuses at once, and goes on working."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ondi.api.admission import AdmissionMiddleware


@pytest.fixture
def busy(settings):
    """One request at work until `go` is set, one may wait."""
    settings.WEB_THREADS, settings.WEB_WAITING, settings.WEB_WAIT_SECONDS = 1, 1, 5
    go, begun = threading.Event(), threading.Event()

    def work(request):
        begun.set()
        assert go.wait(10)
        return HttpResponse(request.path)

    middleware = AdmissionMiddleware(work)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, middleware)
        assert begun.wait(5)
        yield middleware, go, pool, first
        go.set()


def ask(middleware, path="/customer/support/tickets"):
    return middleware(RequestFactory().get(path)).status_code


def until_somebody_waits(middleware):
    for _try in range(500):
        if not middleware.waiting._value:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_who_waits_is_let_in_and_who_would_wait_too_long_is_refused_at_once(busy):
    middleware, go, pool, first = busy
    second = pool.submit(ask, middleware)
    until_somebody_waits(middleware)

    refused = middleware(RequestFactory().get("/users/me"))
    assert (refused.status_code, refused["Retry-After"]) == (503, "2")
    assert b'"service_unavailable"' in refused.content

    go.set()
    assert (first.result(5), second.result(5), ask(middleware)) == (200, 200, 200)


def test_waiting_ends(busy, settings):
    middleware, go, pool, first = busy
    settings.WEB_WAIT_SECONDS = 0.01

    assert pool.submit(ask, middleware).result(5) == 503

    go.set()
    assert (first.result(5), ask(middleware)) == (200, 200)


def test_health_is_answered_under_any_load(busy):
    middleware, go, _pool, _first = busy
    go.set()
    middleware.working.acquire()

    assert ask(middleware, "/health/live") == 200


def test_a_request_that_fails_frees_its_place(settings):
    settings.WEB_THREADS = 1

    def fail(request):
        raise ValueError

    middleware = AdmissionMiddleware(fail)
    for _turn in range(3):
        with pytest.raises(ValueError):
            ask(middleware)
