"""A real browser at the served product, and its customers at the API."""

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.reliability.product import Product, manage, product

PASSWORD = "ondi-demo"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def demo(**more: str) -> Iterator[Product]:
    """The product with its demo tenants, as `make serve` shows it. `more`: settings from the environment."""
    with product(fill=lambda: None, DEBUG="true", **more) as running:
        yield running


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium. Raises `RuntimeError` where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise RuntimeError("Chromium is missing; on Debian: make e2e-deps")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


def sign_in(page: Page, url: str, person: str) -> Page:
    page.goto(f"{url}/admin/login/?next=/admin/")
    page.fill("[name=username]", person)
    page.fill("[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{url}/admin/")  # whole: the address of the form ends like it
    return page


class Caller:
    """Somebody of the demo at the API, signed in again whenever their token has ended."""

    def __init__(self, url: str, person: str) -> None:
        self.url, self.person = url, person
        self.sign_in()

    def sign_in(self) -> None:
        self.token = ""
        said = {"email": self.person, "password": PASSWORD}
        self.token = self.ask("POST", "/auth/login", said)["access_token"]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's `data`. Raises `HTTPError`."""
        try:
            return self._ask(method, path, body)
        except urllib.error.HTTPError as refusal:
            if refusal.code != 401 or not self.token:
                raise
        self.sign_in()
        return self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, sent, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.ask("POST", path, body)

    def say(self, ticket: dict[str, Any], content: str) -> None:
        self.post(f"/messaging/conversations/{ticket['conversation']['id']}/messages", {"content": content})

    def changes(self, position: int) -> list[tuple[int, str]]:
        """Position and kind of everything that they are told since, by the feed."""
        found = []
        while True:
            answer = self.ask("GET", f"/messaging/changes?after={position}")
            found += [(one["position"], one["event"]) for one in answer["changes"]]
            position = answer["next_position"]
            if not answer["has_more"]:
                return found


class Customer(Caller):
    """A customer of the demo at the API."""

    def open_ticket(self, subject: str, message: str = "Please help.", **more: Any) -> dict[str, Any]:
        return self.post("/customer/support/tickets", {"subject": subject, "message": message, **more})["ticket"]


def run(running: Product, script: str) -> str:
    """Run this inside the product, beside its server."""
    return manage(running.environment, "shell", "--no-imports", "-c", script)
