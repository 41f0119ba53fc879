"""Arabic as Arabic is written: from right to left, with its plurals, its punctuation and its dates."""

import re
from datetime import UTC, datetime
from pathlib import Path

import polib
import pytest
from django.utils.formats import localize
from django.utils.translation import override

from ondi.common.times import in_words
from tests.messages import APPS, ROOT, catalogue

LETTER = "[\u0620-\u064a]"
PHYSICAL = re.compile(
    r"(?:^|[\s;{\"])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)|left|right|float)\s*:"
    r"|text-align:\s*(?:left|right)"
)
# The name of a file is written in its own direction, but stands where the page's text begins.
NEEDED = {"text-align: left", "text-align: right"}


@pytest.fixture(scope="module")
def entries():
    return [entry for entry in polib.pofile(str(catalogue("ar"))) if entry.translated()]


def test_every_number_has_its_own_form(entries):
    """None, one, two, some, many and hundreds: six forms, and at least one, two and some differ."""
    plural = [entry for entry in entries if entry.msgid_plural]
    assert len(plural) > 10
    for entry in plural:
        forms = [entry.msgstr_plural.get(number, "") for number in range(6)]
        assert all(forms), entry.msgid
        assert len({*forms[1:4]}) == 3, entry.msgid


def test_punctuation_is_arabic(entries):
    for entry in entries:
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            assert not re.search(rf"{LETTER}[,;?]", text), (entry.msgid, text)


def test_digits_are_those_of_everything_else_on_the_page(entries):
    for entry in entries:
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            assert not re.search("[\u0660-\u0669\u06f0-\u06f9]", text), (entry.msgid, text)


def test_a_moment_is_said_as_arabic_says_it():
    at = datetime(2026, 11, 28, 16, 5, tzinfo=UTC)
    with override("ar"):
        assert in_words(at, "j M Y, H:i") == "28 نوفمبر 2026، 16:05"
        assert localize(at) == "28 نوفمبر 2026، 16:05", "also where Django writes it"
    with override("en"):
        assert in_words(at, "j M Y, H:i") == "28 Nov 2026, 16:05"


def style_sheets():
    apps = [ROOT / app for app in APPS]
    return sorted(path for app in apps for kind in ("*.css", "*.html") for path in app.rglob(kind) if _is_page(path))


def _is_page(path: Path) -> bool:
    return "notifications/templates" not in path.as_posix()  # mails: their readers know no logical properties


def test_nothing_stands_left_or_right():
    """Left and right are said as start and end, so that right to left comes by itself."""
    found = {
        f"{path.relative_to(ROOT)}: {hit.group().strip()}"
        for path in style_sheets()
        for hit in PHYSICAL.finditer(path.read_text())
        if hit.group().strip() not in NEEDED
    }
    assert len(style_sheets()) > 40
    assert not found
