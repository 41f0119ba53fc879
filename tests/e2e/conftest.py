"""One product and one browser for all; every person gets a window of their own."""

import pytest

from tests.e2e.browsing import Customer, chromium, demo, run, sign_in
from tests.e2e.portal import portal
from tests.notifications.mail_server import listening


@pytest.fixture(scope="session")
def mail_server():
    """What mails go to, and its port."""
    with listening() as found:
        yield found


@pytest.fixture(scope="session")
def portal_origin():
    with portal() as origin:
        yield origin


@pytest.fixture(scope="session")
def site(mail_server, portal_origin):
    """The demo, whose portal's page may call it, and whose tenant tigris has its programs on this machine."""
    _server, port = mail_server
    with demo(
        EMAIL_URL=f"smtp://127.0.0.1:{port}", CORS_ALLOWED_ORIGINS=portal_origin,
        WEBHOOK_PRIVATE_NETWORKS="tigris=127.0.0.0/8",
    ) as running:  # fmt: skip
        run(
            running, "from ondi.accounts.models import User; User.objects.update(send_wait=0)"
        )  # answers wait for nobody
        yield running


@pytest.fixture(scope="session")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def window(site, browser):
    """`window("agent1")`: that person's own browser, signed in; with a whole address, anybody's.

    What goes wrong in a page fails the test.
    """
    contexts, faults = [], []

    def open_for(person, **options):
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        return sign_in(page, site.url, person if "@" in person else f"{person}@tigris.demo")

    yield open_for
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def customer(site):
    return Customer(site.url, "customer3@tigris.demo")
