"""Tickets that open a stream: for EventSource, which sets no headers."""

from django.db import models

from ondi.common.personal import NotPersonal
from ondi.tenants.models import TenantOwned


class StreamTicket(TenantOwned):
    """Good once, until `expires_at`; only a hash is kept. The stream that it opens ends at `ends_at`.

    Of a session of the API, or of one of the admin: that stands under one of its tenants, and opens all of them.
    `subject_id`: what the page of the admin shows, which is of the tenant it stands under.

    No links: it is gone before long, and outlives nobody's right, which is asked when it is taken.
    """

    ticket_hash = models.CharField(max_length=64, unique=True, editable=False)
    user_id = models.UUIDField()
    session_id = models.UUIDField(null=True)
    admin_session = models.CharField(max_length=40, blank=True, default="")
    subject_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    ends_at = models.DateTimeField()

    personal = NotPersonal("a hash and moments, for half a minute")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(session_id=None) ^ models.Q(admin_session=""), name="streaming_ticket_of_one_session"
            ),
            models.CheckConstraint(
                condition=models.Q(subject_id=None) | ~models.Q(admin_session=""), name="streaming_ticket_shown_by_page"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
