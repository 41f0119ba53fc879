"""The agents' actions as calls: one route, body and page of documentation for each row of `support.actions`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.actors import Actor
from ondi.accounts.authentication import actor_of
from ondi.accounts.models import Membership
from ondi.api.fields import BoundedIntegerField, IdField, InstantField, PlainTextField
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, address_of, path_id, valid_body
from ondi.common.errors import InvalidInput
from ondi.files.api.data import AttachmentIdsField
from support.actions import ACTIONS, Action, Kind, Operation, Parameter
from support.api.agent import docs as agent_docs
from support.api.agent.views import IsSupportUser, queue_detail
from support.api.presentation import notes_data
from support.errors import AssigneeNotASupportUser, TicketChanged, TicketNotFound
from support.models import Tag, Ticket, TicketNote
from support.vocabulary import Priority

LONGEST_TAG, MOST_TAGS = 50, 50


class AgentActionViewSet(ApiViewSet):
    """Has a method for each action, by its name."""

    permission_classes = (IsAuthenticated, IsSupportUser)
    queryset = Ticket.objects.none()


def _field(parameter: Parameter) -> serializers.Field[Any, Any, Any, Any]:
    common: dict[str, Any] = {"required": parameter.is_required, "allow_null": parameter.is_nullable}
    fields: Mapping[Kind, Callable[[], serializers.Field[Any, Any, Any, Any]]] = {
        Kind.TEXT: lambda: PlainTextField(max_length=parameter.most, required=parameter.is_required),
        Kind.PRIORITY: lambda: serializers.ChoiceField(choices=Priority.choices, **common),
        Kind.PERSON: lambda: IdField(**common),
        Kind.TAGS: lambda: serializers.ListField(
            child=PlainTextField(max_length=LONGEST_TAG, one_line=True), max_length=MOST_TAGS, **common
        ),
        Kind.MOMENT: lambda: InstantField(**common),
        Kind.ID: lambda: IdField(**common),
        Kind.FILES: AttachmentIdsField,
    }
    return fields[parameter.kind]()


def _body_of(action: Action, operation: Operation) -> type[serializers.Serializer[Any]] | None:
    fields = {parameter.key or name: _field(parameter) for name, parameter in action.parameters.items()}
    if action.versioned:
        fields["version"] = BoundedIntegerField(required=False, help_text="As it was read; another one now is a 409.")
    if not fields:
        return None
    name = f"{operation.path.title().replace('-', '')}Body"
    return extend_schema_serializer(component_name=name)(type(name, (serializers.Serializer,), fields))


def _arguments(actor: Actor, action: Action, body: Mapping[str, Any]) -> dict[str, Any]:
    """The service's arguments. Raises `InvalidInput` on what names nobody and nothing here."""
    given = {"version": body["version"]} if body.get("version") is not None else {}
    for name, parameter in action.parameters.items():
        key = parameter.key or name
        if key in body:
            given[name] = _resolved(actor, parameter.kind, key, body[key])
    if action.parameters and not given.keys() & action.parameters.keys():
        raise InvalidInput({parameter.key or name: ["required"] for name, parameter in action.parameters.items()})
    return given


def _resolved(actor: Actor, kind: Kind, key: str, value: Any) -> Any:
    if kind is Kind.PERSON:
        found = Membership.objects.visible_to(actor).support_users().filter(user_id=value).first()
        if found is None:
            raise InvalidInput({key: ["invalid"]})
        return found.id
    if kind is Kind.TAGS:
        return _tags_named(actor, key, value)
    return value


def _tags_named(actor: Actor, key: str, names: Sequence[str]) -> list[UUID]:
    known = {tag.name.lower(): tag.id for tag in Tag.objects.visible_to(actor)}
    if {name.lower() for name in names} - known.keys():
        raise InvalidInput({key: ["invalid"]})
    return [known[name.lower()] for name in names]


def _refuse(action: Action, actor: Actor, ticket_id: UUID) -> None:
    """Raises what comes before what is wrong with a body: 404 of the path, 403."""
    ticket = Ticket.objects.visible_to(actor).filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    if refusal := action.refusal(ticket, actor):
        raise refusal


def _call_of(name: str, action: Action, operation: Operation) -> Callable[..., Response]:
    body_class = _body_of(action, operation)

    def call(self: AgentActionViewSet, request: Request, ticket_id: str) -> Response:
        actor, key = actor_of(request), path_id(ticket_id)
        try:
            details = _arguments(actor, action, valid_body(body_class, request) if body_class else {})
        except (APIException, InvalidInput):
            _refuse(action, actor, key)
            raise
        try:
            done = action.service(actor=actor, ticket_id=key, **details)
        except TicketChanged as refusal:
            raise TicketChanged(queue_detail(actor, key)) from refusal
        except AssigneeNotASupportUser as refusal:
            raise InvalidInput({"user_id": ["invalid"]}) from refusal
        if isinstance(done, TicketNote):
            (note,) = notes_data([done], actor, address_of(request))
            return success(str(operation.done), {"note": note}, status=201)
        return success(str(operation.done), queue_detail(actor, key))

    call.__name__ = name
    documented: Callable[..., Response] = agent_docs.action(action, operation, body_class)(call)
    return documented


for _name, _action in ACTIONS.items():
    if _action.operation:
        setattr(AgentActionViewSet, _name, _call_of(_name, _action, _action.operation))
