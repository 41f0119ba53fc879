"""An admin proves the address that the tenant's mails come from, by the code that a real mail server took."""

import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import run
from tests.e2e.test_accessible import serious_faults
from tests.reliability.product import manage

SETTINGS = "/admin/tenants/portalsettings/"
FORGET = """
from ondi.notifications.models import SenderCode, SenderDomain
from ondi.tenants.models import PortalSettings
from ondi.tenants.scope import find_tenants, tenant_scope
(tenant_id,) = find_tenants("tigris").values()
with tenant_scope(tenant_id):
    SenderCode.objects.all().delete()
    SenderDomain.objects.all().delete()
    PortalSettings.objects.update(values={})
"""
LOOKS = {
    "wide": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "arabic": {"viewport": {"width": 390, "height": 844}, "locale": "ar"},
}
WORDS = {
    "en": ("has not allowed the domain shop.example", "Send a code", "Send another code", "Code", "Confirm",
           "Mails come from it."),
    "ar": ("لم يسمح مشغّل المنصة بالنطاق shop.example", "إرسال رمز", "إرسال رمز آخر", "الرمز", "تأكيد",
           "تأتي الرسائل منه."),
}  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_an_admin_proves_the_sender_address(site, window, mail_server, look, tmp_path):
    run(site, FORGET)
    server, _port = mail_server
    address = f"{look}@shop.example"
    refused, send, again, code, confirm, proved = WORDS[LOOKS[look].get("locale", "en")]
    page = window("admin", **LOOKS[look])
    page.goto(site.url + SETTINGS)
    page.locator("#result_list a").first.click()
    page.locator("[name=sender_address]").fill(address)
    page.locator("[name=_continue]").first.click()
    expect(page.get_by_text(refused)).to_be_visible()
    looked_at(page, f"{look}-refused", tmp_path)

    manage(site.environment, "sender_domain", "allow", "shop.example", "--tenant=tigris")
    page.reload()
    page.get_by_role("button", name=send, exact=True).click()
    box = page.get_by_role("textbox", name=code, exact=True)
    expect(box).to_be_visible()
    expect(page.get_by_role("button", name=again)).to_be_visible()
    looked_at(page, f"{look}-asked", tmp_path)
    box.fill(code_mailed(server, address))
    page.get_by_role("button", name=confirm, exact=True).click()

    expect(page.get_by_text(proved)).to_be_visible()
    looked_at(page, f"{look}-proved", tmp_path)


def looked_at(page, name, folder):
    page.wait_for_timeout(600)  # colours fade in
    page.locator("[name=sender_address]").scroll_into_view_if_needed()
    page.screenshot(path=Path(os.environ.get("PICTURES", folder)) / f"{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert serious_faults(page) == []


def code_mailed(server, address):
    for _time in range(150):
        if mails := server.to(address):
            return re.findall(r"\d{8}", mails[-1].get_body(("plain",)).get_content())[0]
        time.sleep(0.1)
    raise AssertionError("no code was mailed")
