"""Files at the workbench, in a real browser: a customer's photo, an answer with pictures, and one taken back."""

import io
import re
import urllib.error
import urllib.request

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.e2e.browsing import Customer, demo, sign_in
from tests.e2e.test_accessible import serious_faults
from tests.files.bucket import ACCESS_KEY, BUCKET, SECRET_KEY, serving

QUEUE = "/admin/support/ticket/"
COMES = 15_000
ARABIC = "صورة الطرد المكسور عند الباب " * 8 + "آ.jpg"
# A picture as a clipboard or a drag brings it, or a file that is none.
BRING = """([kind, selector, name, type, bytes]) => {
  const brought = new DataTransfer();
  brought.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const target = document.querySelector(selector);
  const all = { clipboardData: brought, dataTransfer: brought, bubbles: true, cancelable: true };
  if (kind === "paste") target.dispatchEvent(new ClipboardEvent("paste", all));
  else for (const moved of kind) target.dispatchEvent(new DragEvent(moved, all));
}"""


def photo(width=1200, height=900, colour="#b45309", form="JPEG"):
    picture = Image.new("RGB", (width, height), "#e7e5e4")
    draw = ImageDraw.Draw(picture)
    draw.rectangle([width * 0.2, height * 0.3, width * 0.8, height * 0.9], fill=colour)
    draw.line([width * 0.2, height * 0.3, width * 0.8, height * 0.9], fill="#1c1917", width=18)
    written = io.BytesIO()
    picture.save(written, form)
    return written.getvalue()


def upload(caller, body, file_name="parcel.jpg", content_type="image/jpeg"):
    """The id of a draft whose bytes are there."""
    said = {"file_name": file_name, "content_type": content_type, "size": len(body)}
    draft = caller.post("/messaging/attachments", said)["attachment"]
    where = draft["upload"]
    urllib.request.urlopen(urllib.request.Request(where["url"], body, where["headers"], method="PUT"), timeout=30)
    return draft["id"]


def send(caller, ticket, *files, content=""):
    address = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
    return caller.post(address, {"content": content, "attachment_ids": [upload(caller, *file) for file in files]})


def bring(page, kind, body, name="image.png", mime="image/png", selector="form[data-pane]:not([hidden]) textarea"):
    page.evaluate(BRING, [kind, selector, name, mime, list(body)])


def choose(page, *files):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add files").click()
    chooser.value.set_files([{"name": name, "mimeType": kind, "buffer": body} for name, kind, body in files])


def open_page(page, site, ticket):
    page.goto(f"{site.url}{QUEUE}{ticket['id']}/change/")
    expect(page.locator("#ticket")).to_be_visible()
    return page


def chips(page, pane="reply"):
    return page.locator(f"#wb-{pane} .wb-chip")


def thumbnails(page):
    return page.locator("#wb-thread .wb-thumbnail img")


def is_loaded(picture):
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    return picture.evaluate("node => node.naturalWidth") > 0


def test_a_customers_photo_appears_live_and_is_answered_with_pictures(site, window, customer):
    ticket = customer.open_ticket("My parcel came broken")
    page = open_page(window("agent1"), site, ticket)

    send(customer, ticket, (photo(),))

    expect(thumbnails(page)).to_have_count(1, timeout=COMES)
    assert is_loaded(thumbnails(page))
    expect(thumbnails(page)).to_have_attribute("alt", "parcel.jpg")

    bring(page, "paste", photo(300, 200, "#0f766e", "PNG"))
    bring(
        page, ["dragenter", "dragover", "drop"], b"%PDF-1.4\nform", "claim form.pdf", "application/pdf", ".wb-composer"
    )
    expect(chips(page)).to_have_count(2)
    expect(chips(page).first.locator("bdi")).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d-\d\d-\d\d\.png$"))
    page.locator("#wb-reply-text").fill("We are sorry. Please fill in this form.")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text("Sent.")).to_be_visible()
    expect(chips(page)).to_have_count(0)
    expect(page.locator("#wb-thread").get_by_text("claim form.pdf")).to_be_visible()
    expect(thumbnails(page)).to_have_count(2, timeout=COMES)
    address = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
    files = customer.ask("GET", address)["messages"][0]["attachments"]
    assert [one["content_type"] for one in files] == ["image/png", "application/pdf"]


def test_files_alone_are_an_answer_and_a_note(site, window, customer):
    ticket = customer.open_ticket("Only a picture")
    page = open_page(window("agent1"), site, ticket)
    choose(page, ("label.png", "image/png", photo(200, 200, form="PNG")))
    expect(chips(page)).to_have_count(1)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent.")).to_be_visible()
    expect(thumbnails(page)).to_have_count(1, timeout=COMES)
    page.goto(f"{site.url}{QUEUE}?tab=mine")
    expect(page.get_by_text("label.png").first).to_be_visible()

    open_page(page, site, ticket)
    page.keyboard.press("n")
    bring(page, "paste", photo(200, 200, form="PNG"))
    page.get_by_role("button", name="Write the note").click()

    expect(page.get_by_text("Note written.")).to_be_visible()
    expect(page.locator(".wb-said.wb-note .wb-thumbnail")).to_have_count(1, timeout=COMES)


def test_what_cannot_be_sent_is_said_before_anything_is(site, window, customer):
    page = open_page(window("agent1"), site, customer.open_ticket("Too much"))
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/files/" in request.url else None)
    fault = page.locator("#wb-reply [data-file-fault]")

    choose(page, ("run.exe", "application/x-msdownload", b"MZ"))
    expect(fault).to_contain_text("run.exe")
    choose(page, ("empty.txt", "text/plain", b""))
    expect(fault).to_contain_text("There is nothing in it.")
    page.evaluate(
        """() => {
      const brought = new DataTransfer();
      brought.items.add(new File([new Uint8Array(26214401)], "film.pdf", { type: "application/pdf" }));
      document.querySelector("#wb-reply-text")
        .dispatchEvent(new ClipboardEvent("paste", { clipboardData: brought, bubbles: true, cancelable: true }));
    }"""
    )
    expect(fault).to_contain_text("film.pdf")
    expect(fault).to_contain_text("25 MB")
    assert asked == []
    choose(page, *((f"{number}.txt", "text/plain", b"x") for number in range(11)))
    expect(chips(page)).to_have_count(10)
    expect(fault).to_contain_text("10.txt")

    chips(page).first.locator("[data-remove]").click()
    expect(chips(page)).to_have_count(9)
    expect(fault).to_be_hidden()


def test_sending_waits_for_what_is_uploaded_and_a_broken_line_is_tried_again(site, window, customer):
    ticket = customer.open_ticket("A slow line")
    page = open_page(window("agent1"), site, ticket)
    tries, held = [], []

    def hold(route):
        if route.request.method != "PUT":
            route.continue_()
            return
        tries.append(route.request.url)
        if len(tries) <= 2:
            route.abort()
        else:
            held.append(route)

    page.route(re.compile(r"/files/upload/"), hold)
    bring(page, "paste", b"It was broken.", "report.txt", "text/plain")
    page.locator("#wb-reply-text").fill("Here is the report.")
    page.get_by_role("button", name="Send", exact=True).click()
    waiting = page.get_by_role("button", name="Is sent once the files are uploaded …")
    expect(waiting).to_be_disabled()
    while not held:
        page.wait_for_timeout(100)
    assert len({url.partition("?")[0] for url in tries}) == 1, "the same draft"
    expect(chips(page).locator("progress")).to_be_visible()
    held[0].continue_()

    expect(page.get_by_text("Sent.")).to_be_visible(timeout=COMES)
    expect(page.locator("#wb-thread").get_by_text("report.txt")).to_be_visible()


def test_without_a_line_nothing_is_sent_without_its_files(site, window, customer):
    ticket = customer.open_ticket("No line")
    page = open_page(window("agent1"), site, ticket)
    page.route(re.compile(r"/files/upload/"), lambda route: route.abort())
    page.clock.install()
    bring(page, "paste", b"It was broken.", "report.txt", "text/plain")
    again = chips(page).get_by_role("button", name="Try again")
    for _pause in range(4):
        page.clock.run_for(5_000)
        page.wait_for_load_state("networkidle")
    expect(again).to_be_visible()
    page.locator("#wb-reply-text").fill("Here is the report.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Not sent: a file could not be uploaded, or was refused.")).to_be_visible()
    expect(again).to_be_focused()

    page.unroute(re.compile(r"/files/upload/"))
    again.click()
    page.clock.resume()
    expect(chips(page).get_by_text(re.compile("Ready|Being checked"))).to_be_visible(timeout=COMES)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Sent.")).to_be_visible(timeout=COMES)


def test_files_stay_with_the_draft_and_with_what_was_refused(site, window, customer):
    ticket = customer.open_ticket("Kept")
    page = open_page(window("agent1"), site, ticket)
    bring(page, "paste", b"It was broken.", "report.txt", "text/plain")
    expect(chips(page).get_by_text("Ready")).to_be_visible(timeout=COMES)
    page.locator("#wb-reply-text").fill("Here is the report.")
    page.reload()
    expect(chips(page).locator("bdi")).to_have_text("report.txt")

    customer.say(ticket, "Is there any news?")
    page.locator("#wb-reply [name=last_sequence]").evaluate("node => { node.value = 0; }")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Not sent yet: something changed while you were writing.")).to_be_visible()
    expect(chips(page).locator("bdi")).to_have_text("report.txt")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text("Sent.")).to_be_visible()
    expect(page.locator("#wb-thread").get_by_text("report.txt")).to_be_visible()
    page.reload()
    expect(chips(page)).to_have_count(0)


def test_by_keyboard_alone(site, window, customer):
    ticket = customer.open_ticket("By keyboard")
    send(customer, ticket, (photo(),), (photo(600, 900),), (photo(900, 300),))
    page = open_page(window("agent1"), site, ticket)
    expect(thumbnails(page)).to_have_count(3, timeout=COMES)

    page.locator("#wb-thread").focus()
    while page.evaluate("document.activeElement.className") != "wb-thumbnail":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    box = page.locator("#wb-lightbox")
    expect(box.get_by_text("1 / 3")).to_be_visible()
    expect(box.locator("[data-picture]")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(box.get_by_text("3 / 3")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(box.get_by_text("2 / 3")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    assert page.evaluate("document.activeElement === document.querySelectorAll('.wb-thumbnail')[1]")

    page.keyboard.press("r")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Add files").first).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    assert chooser.value.is_multiple()
    chooser.value.set_files([{"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}] * 2)
    expect(chips(page)).to_have_count(2)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_count(1)
    page.locator("#wb-reply-text").focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Sent.")).to_be_visible()


def test_a_picture_taken_back_is_gone_at_once(site, window, customer):
    ticket = customer.open_ticket("A private photo")
    send(customer, ticket, (photo(),), content="Look")
    lead = open_page(window("lead"), site, ticket)
    agent = open_page(window("agent1"), site, ticket)
    expect(thumbnails(lead)).to_have_count(1, timeout=COMES)
    expect(thumbnails(agent)).to_have_count(1, timeout=COMES)
    address = thumbnails(lead).get_attribute("src")

    lead.locator(".wb-said.wb-customer", has=lead.locator(".wb-thumbnail")).get_by_text("Redact").click()
    expect(lead.get_by_text("The text and its files are removed for everybody")).to_be_visible()
    lead.get_by_role("button", name="Redact for good").click()

    expect(thumbnails(lead)).to_have_count(0)
    expect(thumbnails(agent)).to_have_count(0, timeout=COMES)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=30)
    assert refused.value.code == 404


def test_a_page_in_use_still_takes_what_comes(site, window, customer):
    ticket = customer.open_ticket("Looking at a photo")
    send(customer, ticket, (photo(),))
    page = open_page(window("agent1"), site, ticket)
    expect(thumbnails(page)).to_have_count(1, timeout=COMES)
    thumbnails(page).click()
    page.keyboard.press("Escape")

    customer.say(ticket, "And this too")

    expect(page.locator("#wb-thread").get_by_text("And this too")).to_be_visible(timeout=COMES)
    assert page.evaluate("document.activeElement.className") == "wb-thumbnail"


@pytest.mark.parametrize(
    ("look", "options"),
    [
        ("wide", {"viewport": {"width": 1280, "height": 900}}),
        ("dark", {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}),
        ("arabic", {"viewport": {"width": 1280, "height": 900}, "locale": "ar"}),
        ("phone", {"viewport": {"width": 390, "height": 844}, "has_touch": True}),
        ("arabic, dark phone", {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": "ar"}),
    ],
)  # fmt: skip
def test_nothing_breaks_and_axe_finds_nothing(site, window, customer, look, options):
    ticket = customer.open_ticket(f"Looks: {look}")
    send(
        customer, ticket, (photo(),), (photo(500, 1200),), (b"%PDF-1.4\n", "invoice.pdf", "application/pdf"),
        (b"no picture", ARABIC, "image/jpeg"), (b"a,b\n", ARABIC.replace(".jpg", ".csv"), "text/csv"),
        content="It is broken.",
    )  # fmt: skip
    page = open_page(window("agent1", **options), site, ticket)
    expect(thumbnails(page)).to_have_count(2, timeout=COMES)
    expect(page.locator(".wb-file-refused")).to_have_count(1, timeout=COMES)
    bring(page, "paste", photo(300, 200, form="PNG"))
    bring(page, "paste", b"a,b\n", "ا" * 251 + ".csv", "text/csv")
    expect(chips(page).locator("progress:visible")).to_have_count(0, timeout=COMES)
    expect(chips(page)).to_have_count(2)
    page.wait_for_timeout(600)  # colours fade in

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("#wb-thread").evaluate("node => node.scrollWidth <= node.clientWidth")
    assert not serious_faults(page)
    thumbnails(page).first.click()
    expect(page.locator("#wb-lightbox [data-picture]")).to_be_visible()
    page.wait_for_timeout(300)
    assert not serious_faults(page)


def test_the_arrow_keys_follow_the_script(site, window, customer):
    ticket = customer.open_ticket("From right to left")
    send(customer, ticket, (photo(),), (photo(600, 900),))
    page = open_page(window("agent1", locale="ar"), site, ticket)
    expect(thumbnails(page)).to_have_count(2, timeout=COMES)
    thumbnails(page).first.click()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#wb-lightbox").get_by_text("2 / 2")).to_be_visible()


class Network:
    """What a page's pictures came from, since this was made."""

    def __init__(self, page):
        self.answers, self.kept = {}, set()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda told: self.answers.update({told["requestId"]: told["response"]}))
        session.on("Network.requestServedFromCache", lambda told: self.kept.add(told["requestId"]))

    def pictures(self, where):
        """Those whose address has this in it: how many, however often they were shown, and those that were fetched."""
        found = {key: one for key, one in self.answers.items() if where in one["url"]}
        return len({one["url"] for one in found.values()}), [
            one["url"] for key, one in found.items() if key not in self.kept and not one["fromDiskCache"]
        ]


def look_at_all(page, site, ticket, photos):
    """Open the chat, see each thumbnail, and each picture in the light box."""
    open_page(page, site, ticket)
    expect(thumbnails(page)).to_have_count(photos, timeout=COMES)
    assert all(is_loaded(thumbnails(page).nth(place)) for place in range(photos))
    thumbnails(page).first.click()
    picture = page.locator("#wb-lightbox [data-picture]")
    for place in range(photos):
        expect(page.locator("#wb-lightbox").get_by_text(f"{place + 1} / {photos}")).to_be_visible()
        assert is_loaded(picture)
        page.keyboard.press("ArrowRight")


def test_a_chat_of_twenty_photos_opened_again_fetches_none_again(site, window, customer):
    ticket = customer.open_ticket("Twenty photos")
    for _message in range(2):
        send(customer, ticket, *[(photo(640, 480, f"#{colour:06x}"),) for colour in range(10)])
    page = window("agent1")
    first = Network(page)
    look_at_all(page, site, ticket, 20)
    for where in ("/files/thumbnail/", "/files/view/"):
        count, fetched = first.pictures(where)
        assert (count, len(set(fetched))) == (20, 20)

    page.goto(f"{site.url}{QUEUE}")
    again = Network(page)
    look_at_all(page, site, ticket, 20)

    for where in ("/files/thumbnail/", "/files/view/"):
        assert again.pictures(where) == (20, [])
    address = f"/messaging/conversations/{ticket['conversation']['id']}/messages?limit=50"
    files = [file for message in customer.ask("GET", address)["messages"] for file in message["attachments"]]
    assert len({file["thumbnail_url"] for file in files if file["state"] == "ready"}) == 20


def test_photos_of_a_bucket_are_shown_and_not_fetched_again_while_its_links_stay_the_same(browser, tmp_path):
    """Half a minute: docs/deploying.md, Files."""
    with serving(tmp_path) as bucket, demo(
        FILES_BUCKET=BUCKET, FILES_S3_ENDPOINT=bucket.endpoint, FILES_S3_ACCESS_KEY=ACCESS_KEY,
        FILES_S3_SECRET_KEY=SECRET_KEY,
    ) as site:  # fmt: skip
        customer = Customer(site.url, "customer3@tigris.demo")
        ticket = customer.open_ticket("Photos in a bucket")
        send(customer, ticket, (photo(),), (photo(600, 900),), (photo(900, 300),))
        page = sign_in(browser.new_page(), site.url, "agent1@tigris.demo")
        open_page(page, site, ticket)
        expect(thumbnails(page)).to_have_count(3, timeout=COMES)
        assert all(is_loaded(thumbnails(page).nth(place)) for place in range(3))

        page.goto(f"{site.url}{QUEUE}")
        again = Network(page)
        open_page(page, site, ticket)

        assert all(is_loaded(thumbnails(page).nth(place)) for place in range(3))
        assert again.pictures(bucket.endpoint) == (3, [])
        page.context.close()
