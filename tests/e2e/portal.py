"""A customer's portal: a page on an origin of its own that keeps a chat live by the very lines of docs/portals.md."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.e2e.browsing import PASSWORD
from tests.reliability.product import ROOT

# What the document leaves to the portal: signing in, `call` and `read`. `told`: everything that it was told, in order;
# the list shows the chat as the calls give it.
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Portal</title>
<h1>Your ticket</h1><ol id="chat"></ol>
<label>Photo <input type="file" id="photo"></label>
<script>
const asked = Object.fromEntries(new URLSearchParams(location.search)), told = [];
let session = null, renewals = 0, last = null, reading = Promise.resolve();

async function send(method, path, body, more) {
  const headers = { "Content-Type": "application/json", ...more };
  if (session) headers.Authorization = `Bearer ${session.access_token}`;
  const signal = AbortSignal.timeout(30_000);
  const answer = await fetch(asked.api + path, { method, headers, body: body && JSON.stringify(body), signal });
  return answer.json();
}

async function call(method, path, body, more) {
  let answer = await send(method, path, body, more);
  if (answer.error === "token_expired") {
    session = (await send("POST", "/auth/refresh", { refresh_token: session.refresh_token })).data;
    renewals += 1;
    answer = await send(method, path, body, more);
  }
  if (!answer.success) throw new Error(answer.error);
  return answer.data;
}

function read(kind, data, position) {
  told.push([Number(position), kind, data]);
  if (kind === "hello" || kind === "reset" || kind === "message.created") reading = reading.then(show, show);
}

async function show() {
  const after = last ? `&after=${last}` : "";
  const found = await call("GET", `/messaging/conversations/${asked.chat}/messages?limit=50${after}`);
  for (const message of last ? found.messages : found.messages.reverse()) {
    const line = document.createElement("li");
    line.textContent = message.content;
    document.querySelector("#chat").append(line);
    last = message.id;
  }
}
</script>
<script>
LINES
</script>
<script>
(async () => {
  session = (await send("POST", "/auth/login", { email: asked.email, password: asked.password })).data;
  follow(read);
})();
</script>
</html>
"""


def lines_of_the_document() -> str:
    """The JavaScript that docs/portals.md shows."""
    return "\n".join(
        re.findall(r"^```js\n(.*?)^```$", (ROOT / "docs/portals.md").read_text(), re.MULTILINE | re.DOTALL)
    )


def kinds_of_the_document() -> set[str]:
    """What its page listens to; it reads the lists on `hello` and `reset`."""
    (names,) = re.findall(r"^const KINDS = (\[.*?\]);$", lines_of_the_document(), re.MULTILINE)
    return set(json.loads(names)) - {"hello", "reset"}


@contextmanager
def portal() -> Iterator[str]:
    """Serves the page; gives its origin."""
    page = PAGE.replace("LINES", lines_of_the_document()).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def open_portal(page: Page, origin: str, api: str, person: str, ticket: dict[str, Any]) -> Page:
    """This customer's page of a ticket, once its stream has said hello."""
    chat = ticket["conversation"]["id"]
    page.goto(f"{origin}/?{urlencode({'api': api, 'email': person, 'password': PASSWORD, 'chat': chat})}")
    page.wait_for_function("told.length > 0")
    return page


def told(page: Page) -> list[tuple[int, str, dict[str, Any]]]:
    """What the page was told of: position, kind and data, in the order in which it came."""
    return [(position, kind, data) for position, kind, data in json.loads(page.evaluate("JSON.stringify(told)"))]
