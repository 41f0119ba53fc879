"""Codes, addresses and secrets that people take along: from left to right, and with a button that copies them."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def copy_button(value: Any) -> SafeString:
    """Hidden until a script shows it (`workbench.js`), for it does nothing without one."""
    return format_html(
        '<button type="button" hidden class="wb-copy" data-copy="{}" data-copied="{}" aria-label="{}" title="{}">'
        '<span class="material-symbols-outlined" aria-hidden="true">content_copy</span></button>',
        value, _("Copied"), _("Copy"), _("Copy"),
    )  # fmt: skip


def told_once(sentence: str, placeholder: str, secret: str) -> SafeString:
    """The sentence with the secret in it as it is: from left to right, also in a text that goes the other way."""
    before, _placeholder, after = sentence.partition(placeholder)
    shown = format_html('<bdi dir="ltr" class="wb-any">{}</bdi> {}', secret, copy_button(secret))
    return format_html("{}{}{}", before, shown, after)
