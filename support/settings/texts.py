"""What a tenant's customers are told, in the tenant's own words."""

from collections.abc import Mapping

from django.db import transaction

from ondi.accounts.actors import Actor
from ondi.accounts.models import SettingsChange
from ondi.notifications.models import NotificationText
from ondi.notifications.texts import BUILT_IN, Text, checked_text, editable_type
from ondi.notifications.types import Channel
from ondi.tenants.models import PortalSettings
from support.settings.services import managing_refusal


def own_texts(actor: Actor, kind: str, channel: Channel) -> dict[str, Text]:
    """By language; where there is none, the built-in text counts. One statement."""
    rows = NotificationText.objects.visible_to(actor).filter(notification_type=kind, channel=channel)
    return {row.language: Text(row.title, row.message) for row in rows}


@transaction.atomic
def set_notification_texts(*, actor: Actor, kind: str, channel: Channel, texts: Mapping[str, Text]) -> None:
    """Let notifications of this type say this through this channel, by language. `BUILT_IN`: no words of their own.

    Languages left out stay as they are. Said from the next reading or sending on; recorded with who changed what.
    Locks the tenant's settings. Raises `CannotManageSettings`, `TextsNotEditable`, and what `checked_text` raises;
    then nothing is changed.
    """
    if refusal := managing_refusal(actor):
        raise refusal
    editable = editable_type(kind)
    PortalSettings.objects.select_for_update().get_or_create(tenant_id=actor.tenant_id)
    now = own_texts(actor, kind, channel)
    wanted = {language: checked_text(editable, channel, language, text) for language, text in texts.items()}
    changed = {language: text for language, text in wanted.items() if text != now.get(language, BUILT_IN)}
    rows = NotificationText.objects.visible_to(actor).filter(notification_type=kind, channel=channel)
    rows.filter(language__in=changed).delete()
    NotificationText.objects.bulk_create(
        NotificationText(
            tenant_id=actor.tenant_id, notification_type=kind, channel=channel, language=language,
            title=text.title, message=text.message,
        )
        for language, text in changed.items()
        if text != BUILT_IN
    )  # fmt: skip
    if changed:
        SettingsChange.objects.create(
            tenant_id=actor.tenant_id,
            actor_id=actor.membership_id,
            before=_named(kind, channel, {language: now.get(language, BUILT_IN) for language in changed}),
            after=_named(kind, channel, changed),
        )


def _named(kind: str, channel: Channel, texts: Mapping[str, Text]) -> dict[str, str]:
    """As changes of settings are kept: each part by its name."""
    return {
        f"{kind}.{channel}.{language}.{part}": getattr(text, part)
        for language, text in texts.items()
        for part in ("title", "message")
    }
