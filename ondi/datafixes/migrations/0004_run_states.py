"""A run that was cut off, refused or put back in part has a state of its own."""

from django.db import migrations, models

STATES = [
    ("running", "Running"),
    ("cut_off", "Cut off"),
    ("done", "Done"),
    ("failed", "Done, with failures"),
    ("refused", "Refused"),
    ("undone", "Undone"),
    ("half_undone", "Half undone"),
    ("undo_refused", "Undo refused"),
]


class Migration(migrations.Migration):
    dependencies = [("datafixes", "0003_longer_items")]

    operations = [
        migrations.AlterField(
            "fixrun",
            "status",
            models.CharField("status", max_length=16, choices=STATES, default="running"),
        )
    ]
