"""The history says that a note was redacted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0025_drafts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="ticketevent",
            name="kind",
            field=models.CharField(
                choices=[
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
                    ("note_redacted", "Internal note redacted"),
                    ("fix_undone", "Data fix undone"),
                ],
                max_length=24,
                verbose_name="what",
            ),
        ),
    ]
