"""Web addresses in what people wrote can be clicked, and nothing else becomes anything but text."""

import re

import pytest

from ondi.staff.templatetags.staff_tags import linked


def links(text):
    return re.findall(r'href="([^"]*)"', linked(text))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("See https://shop.example/a?b=1&c=2.", "https://shop.example/a?b=1&amp;c=2"),
        ("(https://shop.example/a)", "https://shop.example/a"),
        ("https://shop.example/a_(b)!", "https://shop.example/a_(b)"),
        ("الرابط https://shop.example/طلب، شكرا", "https://shop.example/طلب"),
        ("HTTP://SHOP.EXAMPLE", "HTTP://SHOP.EXAMPLE"),
        ("two\nhttps://shop.example/x\nlines", "https://shop.example/x"),
    ],
)
def test_an_address_is_a_link_without_what_follows_it(text, address):
    assert links(text) == [address]


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "data:text/html,x", "//shop.example", "shop.example", "https://", "mailto:a@b.example",
        "https:// shop.example", "ftp://shop.example/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_stays_text(text):
    assert linked(text) == text


def test_what_somebody_writes_into_an_address_cannot_leave_it():
    said = linked('https://shop.example/"><script>alert(1)</script> & \u202ehttps://a.example/\u202egpj.exe')

    assert "<script" not in said
    assert re.findall(r'<a class="underline" href="([^"]*)"', said) == ["https://shop.example/", "https://a.example/"]
    assert said.count('rel="noopener noreferrer nofollow"') == 2


def test_words_and_blanks_stay_as_they_are():
    assert linked("a  b\n\n <i>c</i>") == "a  b\n\n &lt;i&gt;c&lt;/i&gt;"
