"""Tenants, what their portals allow, and the base of every row a tenant owns."""

import zoneinfo
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from ondi.common.ids import new_id
from ondi.common.personal import NotPersonal
from ondi.common.times import in_words


def validate_time_zone(name: str) -> None:
    """A name of the IANA database, as Asia/Baghdad."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("There is no time zone of this name."))


class Language(models.TextChoices):
    """What people are answered in: `settings.API_LANGUAGES`. Kurdish is Sorani."""

    ENGLISH = "en", _("English")
    ARABIC = "ar", _("Arabic")
    KURDISH = "ku", _("Kurdish")
    PERSIAN = "fa", _("Persian")


class Tenant(models.Model):
    """One business on the platform."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(
        _("slug"),
        max_length=63,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", _("Lower-case letters, digits and dashes."))],
    )
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=16, choices=Status.choices, default=Status.ACTIVE)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    language = models.CharField(_("language"), max_length=8, choices=Language.choices, default=Language.ENGLISH)
    currency = models.CharField(_("currency"), max_length=3, default="USD")
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True, unique=True)
    vouches_for_emails = models.BooleanField(
        _("proves its customers' e-mails"),
        default=False,
        help_text=_(
            "The business has proved its customers' addresses itself, and is believed for its own customers. "
            "It opens no other tenant. Only platform operators decide this."
        ),
    )
    file_quota_bytes = models.PositiveBigIntegerField(
        _("room for files, in bytes"),
        null=True,
        blank=True,
        help_text=_("Empty: as much as the installation gives everybody; 1 GB is 1073741824. Operators decide."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    personal = NotPersonal("a business")

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def in_words(self, moment: datetime) -> str:
        """A moment as people of this tenant read it, with the name of their time zone: for operators' commands."""
        return in_words(moment, zone=zoneinfo.ZoneInfo(self.time_zone), named=True)


class TenantOwned(models.Model):
    """A row of one tenant. Its migration adds `TenantTable`; its list indexes begin with the tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("tenant")
    )

    class Meta:
        abstract = True


class PortalSettings(models.Model):
    """What a tenant's portal allows. One row a tenant, made with it; none means the same as an empty one.

    `values` is read and written by the layers above, where each setting has its type and default.
    """

    tenant = models.OneToOneField(
        Tenant,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="portal_settings",
        verbose_name=_("tenant"),
    )
    values = models.JSONField(_("portal settings"), default=dict, db_default={}, blank=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    personal = NotPersonal("what a business says to everybody")

    class Meta:
        verbose_name = _("portal settings")
        verbose_name_plural = _("portal settings")

    def __str__(self) -> str:
        return str(self.tenant)
