"""The address a tenant knows of a person, beside the name they sign in with; and whether that name was proved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_api_keys"), ("tenants", "0003_vouching")]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="email",
            field=models.EmailField(
                blank=True,
                help_text="The address this tenant knows of the person, in lower case. It opens nothing by itself.",
                max_length=254,
                null=True,
                verbose_name="e-mail",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="email_proved_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When a link mailed to this address was last opened.",
                null=True,
                verbose_name="e-mail proved",
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(
                blank=True,
                help_text="What they sign in with, in lower case. Empty for people who cannot sign in yet.",
                max_length=254,
                null=True,
                unique=True,
                verbose_name="e-mail",
            ),
        ),
    ]
