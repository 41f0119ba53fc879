"""What lists of tickets can be narrowed by."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters as filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django_filters.utils import translate_validation
from rest_framework.request import Request

from conversations.models import Conversation
from ondi.accounts.actors import Actor
from ondi.common.errors import InvalidInput
from ondi.common.ids import parse_id
from ondi.common.text import TextRefused, plain_text
from ondi.common.times import parse_instant
from support.models import Ticket
from support.notices import NAMES
from support.vocabulary import Priority, TicketSource, TicketStatus, WaitingOn

SHORTEST_SEARCH, LONGEST_SEARCH = 2, 200


class SearchField(forms.CharField):
    """2 to 200 characters, taken literally: there are no wildcards."""

    def clean(self, value: str | None) -> str:
        if not value:
            return ""
        try:
            term = plain_text(value, max_length=LONGEST_SEARCH, one_line=True)
        except TextRefused as refused:
            raise ValidationError("", code=refused.code) from refused
        if len(term) < SHORTEST_SEARCH:
            raise ValidationError("", code="invalid")
        return term


class SearchFilter(filters.CharFilter):  # type: ignore[misc]  # django-filter ships no types
    field_class = SearchField


class IdField(forms.Field):
    """An id in its dashed form, and in no other."""

    def clean(self, value: str | None) -> UUID | None:
        if not value:
            return None
        found = parse_id(value)
        if found is None:
            raise ValidationError("", code="invalid")
        return found


class IdFilter(filters.Filter):  # type: ignore[misc]  # django-filter ships no types
    field_class = IdField


class MomentField(forms.Field):
    """A moment of ISO 8601 with its zone."""

    def clean(self, value: str | None) -> datetime | None:
        if not value:
            return None
        found = parse_instant(value)
        if found is None:
            raise ValidationError("", code="invalid")
        return found


class MomentFilter(filters.Filter):  # type: ignore[misc]  # django-filter ships no types
    field_class = MomentField


class CustomerTicketFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    source = filters.ChoiceFilter(choices=TicketSource.choices)
    status = filters.ChoiceFilter(choices=TicketStatus.choices)
    related_delivery_id = IdFilter(field_name="delivery_id")
    related_order_id = IdFilter(field_name="order_id")


def filters_of(request: Request, filterset: type[filters.FilterSet]) -> dict[str, Any]:
    """The filters a request gives, by field and value; 400 on the parameters at fault. Empty ones are absent."""
    twice = [name for name in filterset.base_filters if len(request.query_params.getlist(name)) > 1]
    if twice:
        raise InvalidInput({name: ["invalid"] for name in twice})
    if not any(request.query_params.get(name) for name in filterset.base_filters):
        return {}
    given = filterset(request.query_params, queryset=Ticket.objects.none(), request=request)
    if not given.is_valid():
        raise translate_validation(given.errors)
    return {given.filters[name].field_name: value for name, value in given.form.cleaned_data.items() if value}


def wanted_of_queue(request: Request, actor: Actor) -> tuple[dict[str, Any], bool]:
    """What `TicketQuerySet.narrowed` takes, of a request for the queue; whether it is wanted by what is due first."""
    wanted = filters_of(request, QueueFilter)
    by_due = wanted.pop("sort", "") == "due"
    scope = wanted.pop("assignment_scope", "all")
    if scope == "unassigned":
        wanted["unassigned"] = True
    elif scope == "mine":
        wanted["assignee_id"] = actor.membership_id
    return wanted, by_due


class QueueFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    """The agents' queue. `assignment_scope` and `assigned_to` ask who has a ticket."""

    SCOPES = (("unassigned", "unassigned"), ("mine", "mine"), ("all", "all"))

    assignment_scope = filters.ChoiceFilter(choices=SCOPES)
    status = filters.ChoiceFilter(choices=TicketStatus.choices)
    source = filters.ChoiceFilter(choices=TicketSource.choices)
    priority = filters.ChoiceFilter(choices=Priority.choices)
    waiting_on = filters.ChoiceFilter(choices=WaitingOn.choices)
    order_id = IdFilter()
    delivery_id = IdFilter()
    assigned_to = IdFilter(field_name="assignee__user_id")
    search = SearchFilter()
    sort = filters.ChoiceFilter(choices=[("due", "due")])
    due_before = MomentFilter()


class NotificationFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    read_status = filters.ChoiceFilter(choices=[("true", "true"), ("false", "false")])
    notification_type = filters.ChoiceFilter(choices=NAMES)


def wanted_of_notifications(request: Request) -> Q:
    """The condition that a request for them gives."""
    given = filters_of(request, NotificationFilter)
    wanted = Q(notification_type=given["notification_type"]) if "notification_type" in given else Q()
    return wanted & Q(read_at__isnull=given["read_status"] == "false") if "read_status" in given else wanted


class ConversationFilter(filters.FilterSet):  # type: ignore[misc]  # django-filter ships no types
    type = filters.ChoiceFilter(field_name="conversation__kind", choices=Conversation.Kind.choices)
    status = filters.ChoiceFilter(field_name="conversation__status", choices=Conversation.Status.choices)
