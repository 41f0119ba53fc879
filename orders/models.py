"""Orders as the platform tells them. Read-mostly: they come from integrations and imports."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import PersonalData
from ondi.tenants.models import TenantOwned
from orders.querysets import OrderQuerySet


class OrderStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    SHIPPED = "shipped", _("Shipped")
    IN_TRANSIT = "in_transit", _("In transit")
    DELIVERED = "delivered", _("Delivered")
    FAILED_DELIVERY = "failed_delivery", _("Failed delivery")
    CANCELLED = "cancelled", _("Cancelled")


class PaymentStatus(models.TextChoices):
    PENDING = "pending", _("Pending")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Failed")
    REFUNDED = "refunded", _("Refunded")


class Order(TenantOwned):
    """What a customer bought. What the platform has not told is null."""

    customer = TenantForeignKey(Membership, on_delete=models.PROTECT, related_name="+", verbose_name=_("customer"))
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True)
    number = models.CharField(_("order number"), max_length=64)
    status = models.CharField(_("status"), max_length=20, choices=OrderStatus.choices, default=OrderStatus.PENDING)
    payment_status = models.CharField(
        _("payment"), max_length=20, choices=PaymentStatus.choices, default=PaymentStatus.PENDING
    )
    currency = models.CharField(_("currency"), max_length=3, null=True, blank=True)
    total_amount = models.DecimalField(_("total"), max_digits=14, decimal_places=2, null=True, blank=True)
    item_count = models.PositiveIntegerField(_("items"), null=True, blank=True)
    placed_at = models.DateTimeField(_("placed"), null=True, blank=True)
    store = models.CharField(_("store"), max_length=100, null=True, blank=True)
    source_updated_at = models.DateTimeField(_("updated at the source"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    personal = PersonalData(
        of="customer", erase={"number": "erased-{id}", "external_id": None},
        kept={"currency": "a code", "store": "the tenant's"}, export="orders",
    )  # fmt: skip

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="orders_order_number"),
            models.UniqueConstraint(fields=["tenant", "external_id"], name="orders_order_external_id"),
        ]
        indexes = [
            models.Index(fields=["tenant", "-placed_at", "-id"], name="orders_order_list"),
            models.Index(fields=["tenant", "customer", "-placed_at", "-id"], name="orders_order_of_customer"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderItem(TenantOwned):
    """One line of an order."""

    order = TenantForeignKey(Order, on_delete=models.CASCADE, related_name="items", verbose_name=_("order"))
    position = models.PositiveSmallIntegerField(_("position"))
    name = models.CharField(_("item"), max_length=300)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    unit_price = models.DecimalField(_("unit price"), max_digits=14, decimal_places=2, null=True, blank=True)

    personal = PersonalData(of="order", erase={"name": "Erased"}, export="order_items")

    class Meta:
        verbose_name = _("order item")
        verbose_name_plural = _("order items")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "order", "position"], name="orders_item_position"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.name}"
