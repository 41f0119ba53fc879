"""What customers see of a tenant's settings as they are saved, in words and as it looks."""

from collections.abc import Iterator, Mapping
from typing import Any

import nh3
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ondi.tenants.models import Language, PortalSettings
from support.settings.portal import Portal
from support.vocabulary import Priority

RIGHT_TO_LEFT = {Language.ARABIC, Language.KURDISH, Language.PERSIAN}


def preview_of(row: PortalSettings) -> dict[str, Any]:
    """For the settings' page. Texts are (language, its name, its direction, the text)."""
    portal = Portal.read(row.values)
    return {
        "sentences": list(_sentences(portal)),
        "acknowledgements": [(*one, SafeString(nh3.clean(html))) for one, html in _texts(portal.acknowledgement_html)],
        "sender": portal.sender_name or row.tenant.name,
        "signatures": [(*one, text) for one, text in _texts(portal.signature)],
    }


def _sentences(portal: Portal) -> Iterator[str]:
    yield (
        _("Customers can open new tickets.")
        if portal.support_chat_enabled
        else _("Customers cannot open new tickets, and answer in those they have.")
    )
    yield _("The highest priority they can choose: %(priority)s.") % {
        "priority": Priority(portal.max_customer_priority).label
    }
    yield _("They can close their tickets.") if portal.allow_customer_close else _("Only colleagues close tickets.")
    yield _("Days in which they can open a closed ticket again: %(days)s.") % {"days": portal.customer_reopen_days}
    if portal.auto_close_days:
        yield _("Days of silence after which a ticket that waits on them is closed: %(days)s.") % {
            "days": portal.auto_close_days
        }
    if portal.show_expected_reply:
        yield _("They see by when they are answered, where that is promised.")


def _texts(texts: Mapping[str, str]) -> Iterator[tuple[tuple[str, Any, str], str]]:
    for language in Language:
        if text := texts.get(language):
            yield (language.value, language.label, "rtl" if language in RIGHT_TO_LEFT else "ltr"), text
