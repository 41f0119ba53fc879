"""Macros in use: what waits to be done, and what takes back what is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0014_own_settings"),
        ("support", "0026_redacted_notes"),
        ("tenants", "0006_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="steps",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="draft",
            name="undo",
            field=models.JSONField(null=True),
        ),
        migrations.AlterField(
            model_name="draft",
            name="kind",
            field=models.CharField(
                choices=[("reply", "Reply"), ("note", "Internal note"), ("macro", "Macro")],
                max_length=5,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="draft",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("form__isnull", False), ("kind", "macro"), ("steps__isnull", False)),
                    models.Q(
                        models.Q(("kind", "macro"), _negated=True), ("steps__isnull", True), ("undo__isnull", True)
                    ),
                    _connector="OR",
                ),
                name="support_draft_macro",
            ),
        ),
    ]
