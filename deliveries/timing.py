"""How a delivery keeps its promise, in words."""

from datetime import datetime

from django.db.models import F, Q
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from deliveries.models import Delivery, DeliveryStatus

OVER = {DeliveryStatus.DELIVERED, DeliveryStatus.CANCELLED, DeliveryStatus.RETURNED}


def punctuality(delivery: Delivery, now: datetime) -> str:
    """ "3 hours late", "due in 2 hours" and the like; empty where nothing was promised or nothing is to come."""
    promised = delivery.promised_at
    if promised is None or (delivery.status in OVER and delivery.delivered_at is None):
        return ""
    came = delivery.delivered_at
    if came is None and now <= promised:
        return _("due in %(time)s") % {"time": timesince(now, promised, depth=1)}
    late_until = came or now
    if late_until <= promised:
        return _("on time")
    return _("%(time)s late") % {"time": timesince(promised, late_until, depth=1)}


def late(now: datetime, delivery: str = "") -> Q:
    """The same as `is_late`, as a condition. `delivery`: the path that leads there, as `delivery__`."""
    promised = F(f"{delivery}promised_at")
    came_late = Q(**{f"{delivery}delivered_at__gt": promised})
    is_over_without_time = Q(**{f"{delivery}status__in": OVER, f"{delivery}delivered_at": None})
    is_overdue = Q(**{f"{delivery}delivered_at": None, f"{delivery}promised_at__lt": now})
    return came_late | is_overdue & ~is_over_without_time


def is_late(delivery: Delivery, now: datetime) -> bool:
    """It came, or will come, after the promised moment."""
    if delivery.promised_at is None or (delivery.status in OVER and delivery.delivered_at is None):
        return False
    return (delivery.delivered_at or now) > delivery.promised_at
