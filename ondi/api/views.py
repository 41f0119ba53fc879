"""The base of every endpoint."""

from collections.abc import Callable
from typing import Any, NoReturn
from uuid import UUID

from django.http import HttpRequest
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from ondi.api.errors import Throttled
from ondi.api.units import in_one_unit
from ondi.common.errors import NotFound
from ondi.common.ids import parse_id


class ApiViewSet(GenericViewSet[Any]):
    """Refuses in API.md's order: 401, then a foreign `tenant_id` as 404, then 403, then the throttle."""

    @classmethod
    def as_view(cls, *arguments: Any, **options: Any) -> Any:
        """Each request is one transaction, tried again where it met another; but for views that hold their own."""
        view = super().as_view(*arguments, **options)
        return view if hasattr(view, "_non_atomic_requests") else in_one_unit(view)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the body before anything is refused: an answer in the middle of one breaks the caller's pipe."""
        _kept = request._request.body
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        for tenant_id in request.query_params.getlist("tenant_id"):
            if tenant_id and tenant_id.lower() != str(getattr(request.user, "tenant_id", "")):
                raise NotFound

    def throttled(self, request: Request, wait: float) -> NoReturn:
        raise Throttled(wait)


def valid_body(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body as the serializer reads it; 400 on the fields at fault."""
    bound = serializer(data=request.data, context={"request": request})
    bound.is_valid(raise_exception=True)
    return bound.validated_data  # type: ignore[no-any-return]


def body_or_refusal(serializer: type[Serializer[Any]], request: Request, refuse: Callable[[], None]) -> dict[str, Any]:
    """The body; but before a faulty one is a 400, `refuse` may raise what comes first (404, 403).

    With a good body nothing is asked: the service asks the same, under its lock.
    """
    try:
        bound = serializer(data=request.data, context={"request": request})
        bound.is_valid(raise_exception=True)
    except APIException:
        refuse()
        raise
    return bound.validated_data  # type: ignore[no-any-return]


def address_of(request: Request | HttpRequest) -> str:
    """Where we are asked: scheme and host."""
    return str(request.build_absolute_uri("/")).rstrip("/")


def path_id(text: str) -> UUID:
    """An id from the path. A malformed one is `NotFound`."""
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
