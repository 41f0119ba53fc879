"""The field's word for a ticket that is out of the queue for a while. The column and the stored codes stay."""

from django.db import migrations, models
from django.db.models import Q

KINDS = [
    ("opened", "Opened"),
    ("claimed", "Claimed"),
    ("taken_over", "Taken over"),
    ("released", "Released"),
    ("closed", "Closed"),
    ("reopened", "Reopened"),
    ("participant_added", "Participant added"),
    ("participant_removed", "Participant removed"),
    ("participant_updated", "Participant changed"),
    ("assigned", "Assigned"),
    ("priority_changed", "Priority changed"),
    ("tag_added", "Tag added"),
    ("tag_removed", "Tag removed"),
    ("put_off", "Snoozed"),
    ("link_changed", "Delivery or order changed"),
    ("message_redacted", "Message redacted"),
    ("fix_undone", "Data fix undone"),
]


class Migration(migrations.Migration):
    dependencies = [("support", "0015_cause_of_events")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX support_ticket_put_off RENAME TO support_ticket_snoozed",
                    "ALTER INDEX support_ticket_snoozed RENAME TO support_ticket_put_off",
                )
            ],
            state_operations=[
                migrations.RemoveIndex("ticket", "support_ticket_put_off"),
                migrations.AlterField(
                    "ticket", "follow_up_at", models.DateTimeField(null=True, blank=True, db_column="follow_up_at")
                ),
                migrations.RenameField("ticket", "follow_up_at", "snoozed_until"),
                migrations.AlterField(
                    "ticket",
                    "snoozed_until",
                    models.DateTimeField("snoozed until", null=True, blank=True, db_column="follow_up_at"),
                ),
                migrations.AddIndex(
                    "ticket",
                    models.Index(
                        fields=["tenant", "snoozed_until", "id"],
                        condition=Q(snoozed_until__isnull=False),
                        name="support_ticket_snoozed",
                    ),
                ),
                migrations.AlterField("ticketevent", "kind", models.CharField("what", max_length=24, choices=KINDS)),
            ],
        ),
    ]
