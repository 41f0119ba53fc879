"""Saved views of the queue: the tabs that people make."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal
from ondi.tenants.models import TenantOwned
from support.view_querysets import SavedViewQuerySet
from support.vocabulary import LONGEST_VIEW_NAME, LONGEST_VIEW_QUERY, Audience


class SavedView(TenantOwned):
    """A list of tickets by name. Written by `support.queue.saving`. `query`: as it stands in the queue's address."""

    audience = models.CharField(_("for"), max_length=16, choices=Audience.choices)
    owner = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=LONGEST_VIEW_NAME)
    query = models.CharField(_("filters"), max_length=LONGEST_VIEW_QUERY)
    position = models.PositiveIntegerField(_("place"))

    personal = NotPersonal("how a tenant's staff sort their work; somebody's own go when they stop working there")

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        verbose_name = _("view of the queue")
        verbose_name_plural = _("views of the queue")
        constraints = [
            models.CheckConstraint(
                condition=Q(audience=Audience.OWN, owner__isnull=False) | (~Q(audience=Audience.OWN) & Q(owner=None)),
                name="support_view_own_has_owner",
            ),
            models.UniqueConstraint(
                "tenant", "owner", Lower("name"), condition=Q(owner__isnull=False), name="support_view_own_name"
            ),
            models.UniqueConstraint(
                "tenant", "audience", Lower("name"), condition=Q(owner=None), name="support_view_shared_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name
