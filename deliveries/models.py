"""Deliveries as the platform tells them; one may carry an order."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from deliveries.querysets import DeliveryQuerySet
from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import PersonalData
from ondi.tenants.models import TenantOwned
from orders.models import Order


class DeliveryStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PENDING = "pending", _("Pending")
    ASSIGNED = "assigned", _("Assigned")
    PICKED_UP = "picked_up", _("Picked up")
    IN_TRANSIT = "in_transit", _("In transit")
    DELIVERED = "delivered", _("Delivered")
    CANCELLED = "cancelled", _("Cancelled")
    RETURNED = "returned", _("Returned")


class Delivery(TenantOwned):
    """A parcel on its way to a customer. What the platform has not told is null."""

    customer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("customer"))
    order = TenantForeignKey(
        Order, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("order")
    )
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True)
    delivery_code = models.PositiveIntegerField(_("delivery code"), null=True, blank=True)
    status = models.CharField(
        _("status"), max_length=20, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING
    )
    from_address = models.CharField(_("from"), max_length=500, null=True, blank=True)
    to_address = models.CharField(_("to"), max_length=500, null=True, blank=True)
    promised_at = models.DateTimeField(_("promised"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    store = models.CharField(_("store"), max_length=100, null=True, blank=True)
    source_updated_at = models.DateTimeField(_("updated at the source"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    personal = PersonalData(
        of="customer", erase={"external_id": None, "from_address": None, "to_address": None},
        kept={"store": "the tenant's"}, export="deliveries",
    )  # fmt: skip

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "delivery_code"], name="deliveries_delivery_code"),
            models.UniqueConstraint(fields=["tenant", "external_id"], name="deliveries_delivery_external_id"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="deliveries_delivery_list"),
            models.Index(fields=["tenant", "customer", "-created_at", "-id"], name="deliveries_of_customer"),
            models.Index(fields=["tenant", "order"], name="deliveries_of_order"),
        ]

    def __str__(self) -> str:
        return f"#{self.delivery_code}" if self.delivery_code else (self.external_id or str(self.id))
