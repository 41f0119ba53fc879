"""The OpenAPI document: one helper documents a call, its envelope and its refusals."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from ondi.api import errors
from ondi.api.errors import status_of
from ondi.common.errors import DomainError, InvalidInput, NotFound, ServiceUnavailable

View = TypeVar("View", bound=Callable[..., Any])

PAGE_PARAMETERS = [
    OpenApiParameter("page", int, description="From 1; `page` × `limit` at most 10,000.", default=1),
    OpenApiParameter("limit", int, description="Rows a page, 1 to 50.", default=20),
]
LANGUAGE_PARAMETER = OpenApiParameter(
    "language", str, description="`en` or `ar`; before `Accept-Language` and the tenant's language."
)
IDEMPOTENCY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters. The same key and JSON again within 24 hours give the first answer.",
)


PAGINATION_EXAMPLE = {
    "page": 1,
    "limit": 20,
    "total": 1,
    "total_pages": 1,
    "has_next_page": False,
    "has_previous_page": False,
}


class PaginationData(serializers.Serializer[Any]):
    page = serializers.IntegerField()
    limit = serializers.IntegerField()
    total = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    has_next_page = serializers.BooleanField()
    has_previous_page = serializers.BooleanField()


class ErrorEnvelope(serializers.Serializer[Any]):
    """Every refusal. `error` is a stable code for programs, `message` is for people."""

    success = serializers.BooleanField()
    message = serializers.CharField()
    error = serializers.CharField()
    data = serializers.DictField(required=False)  # type: ignore[assignment]  # a key of the contract


class EnvelopeSchema(AutoSchema):
    """Nothing is guessed from a view: every call says what it takes and gives with `documented`."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        """A list is an object in the envelope, never a bare array."""
        return False

    def get_tags(self) -> list[str]:
        return [self.path.strip("/").split("/")[0]]


def documented(
    operation_id: str,
    summary: str,
    *,
    data: Mapping[str, serializers.Field[Any, Any, Any, Any]],
    example: Mapping[str, Any],
    body: type[serializers.Serializer[Any]] | None = None,
    body_examples: Mapping[str, Any] | None = None,
    status: int = 200,
    also: Iterable[int] = (),
    refusals: Iterable[DomainError] = (),
    parameters: Iterable[OpenApiParameter] = (),
    description: str = "",
    public: bool = False,
    idempotent: bool = False,
    api_key: bool = False,
) -> Callable[[View], View]:
    """Document one call. `data`: the fields inside the envelope; `example`: such data as it really looks;
    `also`: other statuses of such an answer; `refusals`: what it refuses beyond what every call does."""
    parameters = list(parameters)
    if parameters or idempotent:
        refusals = [*refusals, InvalidInput({parameters[0].name if parameters else "Idempotency-Key": ["invalid"]})]
    every = [*refusals, *_common_refusals(public=public or api_key, has_body=body is not None, idempotent=idempotent)]
    name = operation_id[0].upper() + operation_id[1:]
    envelope = inline_serializer(
        f"{name}Answer",
        {
            "success": serializers.BooleanField(),
            "message": serializers.CharField(),
            "data": inline_serializer(f"{name}Data", dict(data)) if data else serializers.DictField(),
        },
    )
    answer = OpenApiResponse(
        envelope,
        description="Success",
        examples=[OpenApiExample("Success", value={"success": True, "message": summary, "data": example})],
    )
    examples = [OpenApiExample(title, value=value, request_only=True) for title, value in (body_examples or {}).items()]
    headers = [IDEMPOTENCY_PARAMETER] if idempotent else []
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        request=body,
        parameters=[*parameters, LANGUAGE_PARAMETER, *headers],
        responses={status: answer, **dict.fromkeys(also, answer), **_refusal_responses(every)},
        examples=examples,
        auth=[] if public else None,
    )


def _common_refusals(*, public: bool, has_body: bool, idempotent: bool) -> list[DomainError]:
    found: list[DomainError] = [errors.Throttled(1), ServiceUnavailable(), errors.InternalError(), NotFound()]
    if not public:
        found.append(errors.NotAuthenticated())
    if has_body:
        found += [InvalidInput({"field": ["required"]}), errors.MalformedJson()]
    if idempotent:
        found += [errors.IdempotencyInProgress(), errors.IdempotencyKeyReused()]
    return [*found, errors.LengthRequired(), errors.PayloadTooLarge(), errors.UnsupportedMediaType()]


def _refusal_responses(refusals: Iterable[DomainError]) -> dict[int, OpenApiResponse]:
    by_status: dict[int, list[DomainError]] = {}
    for error in refusals:
        by_status.setdefault(status_of(error), []).append(error)
    return {
        status: OpenApiResponse(
            ErrorEnvelope,
            description=", ".join(f"`{error.code}`" for error in group),
            examples=[_example_of(error) for error in group],
        )
        for status, group in sorted(by_status.items())
    }


def _example_of(error: DomainError) -> OpenApiExample:
    value: dict[str, Any] = {"success": False, "message": error.message, "error": error.code}
    if error.data is not None:
        value["data"] = error.data
    return OpenApiExample(error.code, value=value)
