"""What lists of tickets can be narrowed by."""

import django_filters as filters

from support.models import TicketSource, TicketStatus


class CustomerTicketFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    source = filters.ChoiceFilter(choices=TicketSource.choices)
    status = filters.ChoiceFilter(choices=TicketStatus.choices)
    related_delivery_id = filters.UUIDFilter(field_name="delivery_id")
    related_order_id = filters.UUIDFilter(field_name="order_id")
