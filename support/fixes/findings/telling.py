"""That people were told what they had to be, and that texts of tenants' own say what they seem to."""

from collections.abc import Iterator

from ondi.notifications.texts import is_editable
from ondi.notifications.types import TYPES, Channel
from support.fixes.findings.parts import MINE, Finding
from support.notices import REPLY
from support.publishing import MESSAGE_CREATED


def _fillable() -> Iterator[str]:
    """SQL of what leaves no brace in a text: for each type and channel."""
    for kind in filter(is_editable, TYPES.values()):
        for channel in Channel:
            names = "|".join(kind.placeholders_of(channel))
            yield (
                f"(t.notification_type = '{kind.name}' AND t.channel = '{channel}' "
                rf"AND regexp_replace(t.title || t.message, '\{{({names})(\|[^{{}}\n]*)?\}}', '', 'g') !~ '[{{}}]')"
            )


FINDINGS = [
    Finding(
        "notification_text",
        "a text of the tenant's own is of a notification that has none, or leaves open what nothing fills",
        "SELECT t.id, concat_ws(' ', t.notification_type, t.channel, t.language || ':', t.title, t.message) "
        f"FROM notifications_text AS t WHERE {MINE} AND NOT ({' OR '.join(_fillable())})",
        look_at='write it anew under "Texts of notifications" in the admin; it is shown with its braces until then',
    ),
    Finding(
        "nobody_was_told",
        "a customer has not read an answer, and was not told of it",
        # Of what the subscriber has come by, and since anybody was told anything here.
        "SELECT m.id, '#' || k.number || ' message ' || m.sequence FROM outbox_event AS t "
        "JOIN conversations_message AS m ON m.tenant_id = t.tenant_id AND m.id = (t.data->>'message_id')::uuid "
        "JOIN support_ticket AS k ON k.tenant_id = t.tenant_id AND k.id = t.subject_id "
        "JOIN conversations_participant AS p ON p.tenant_id = k.tenant_id AND p.conversation_id = k.conversation_id "
        "AND p.membership_id = k.requester_id "
        f"WHERE {MINE} AND t.kind = '{MESSAGE_CREATED}' AND NOT t.is_silent AND m.sender_role = 'agent' "
        "AND m.sender_id <> k.requester_id AND p.left_at IS NULL AND p.last_read_sequence < m.sequence "
        "AND t.seq <= (SELECT c.seq FROM outbox_cursor AS c WHERE c.subscriber = 'notifications') "
        "AND t.at > (SELECT min(n.created_at) FROM notifications_notification AS n WHERE n.tenant_id = t.tenant_id) "
        "AND NOT EXISTS (SELECT FROM notifications_notification AS n WHERE n.tenant_id = t.tenant_id "
        "AND n.membership_id = k.requester_id AND n.position = t.position) "
        "AND NOT EXISTS (SELECT FROM notifications_preferences AS w WHERE w.tenant_id = t.tenant_id "
        f"AND w.membership_id = k.requester_id AND w.types->'{REPLY}' @> "
        """'{"in_app": "off", "email": "off", "push": "off"}')""",
        look_at="see `manage.py outbox list`: what failed there can be tried again; else look at the log of that time",
    ),
]
