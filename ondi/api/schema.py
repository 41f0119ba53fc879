"""The OpenAPI document: one helper documents a call, its envelope and its refusals."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from ondi.api import errors
from ondi.api.errors import status_of
from ondi.api.fields import PlainTextField
from ondi.api.pagination import DEFAULT_LIMIT, LAST_ROW, MAX_LIMIT
from ondi.common.errors import FIELD_MESSAGES, DomainError, InvalidInput, NotFound, ServiceUnavailable, described

View = TypeVar("View", bound=Callable[..., Any])
Fields = Mapping[str, serializers.Field[Any, Any, Any, Any]]
Document = dict[str, Any]

SHOWS_SOMETHING, SHOWS_SOMETHING_IN_ONE_LINE = r"\S", r"^[^\r\n]*\S[^\r\n]*$"


def component(name: str) -> dict[str, str]:
    """A reference to a schema of the document, as an enumeration for a query parameter."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_parameters(most: int) -> list[OpenApiParameter]:
    """Of a list that gives so many rows at a time."""
    page = OpenApiParameter(
        "page",
        {"type": "integer", "minimum": 1, "maximum": LAST_ROW},
        description="From 1, which is the default; `page` × `limit` at most 10,000.",
    )
    limit = OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": most},
        description=f"Rows a page, {DEFAULT_LIMIT} where it is left out.",
    )
    return [page, limit]


PAGE_PARAMETERS = page_parameters(MAX_LIMIT)
LANGUAGE_PARAMETER = OpenApiParameter(
    "language",
    str,
    description="`en`, `ar`, `ku` or `fa`; before `Accept-Language` and the tenant's language. Others are passed over.",
)
IDEMPOTENCY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="1 to 255 visible ASCII characters. The same key and JSON again within 24 hours give the first answer.",
)

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
HEADERS = {
    "RequestId": {"description": "The request's id: the caller's own if it sent a sane one.", "schema": _TEXT},
    "RetryAfter": {"description": "Seconds to wait before another attempt.", "schema": {**_WHOLE, "minimum": 1}},
    "Authenticate": {"description": "How to sign in.", "schema": {**_TEXT, "const": "Bearer"}},
    "IdempotencyReplayed": {
        "description": "There where the answer is the first one to this key, given again.",
        "schema": {**_TEXT, "const": "true"},
    },
}
HEADERS_OF_STATUS = {
    401: {"WWW-Authenticate": "Authenticate"},
    429: {"Retry-After": "RetryAfter"},
    503: {"Retry-After": "RetryAfter"},
}

PAGINATION_EXAMPLE = {
    "page": 1,
    "limit": 20,
    "total": 1,
    "total_pages": 1,
    "has_next_page": False,
    "has_previous_page": False,
}


class PaginationData(serializers.Serializer[Any]):
    page = serializers.IntegerField(min_value=1, max_value=LAST_ROW)
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT)
    total = serializers.IntegerField(min_value=0)
    total_pages = serializers.IntegerField(min_value=0)
    has_next_page = serializers.BooleanField()
    has_previous_page = serializers.BooleanField()


class Constant(serializers.Field[Any, Any, Any, Any]):
    """A key that always has this one value."""

    def __init__(self, value: str | bool) -> None:
        super().__init__()
        self.value = value


class ErrorCodeField(serializers.CharField):
    """One of the codes of section 8 of the contract; `complete` lists those of this version."""


FAULT_CODES = [(code, code) for code in FIELD_MESSAGES]


class FieldFaultData(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=FAULT_CODES)
    message = serializers.CharField()


class FaultyFieldsData(serializers.Serializer[Any]):
    fields = serializers.DictField(child=FieldFaultData(many=True))  # type: ignore[assignment]  # a key of the contract


@dataclass(frozen=True)
class Telling:
    """A refusal that tells more than its code. `data`: the keys of that; `always`: whether they are always there.

    `name`: of its schema in the document, where one code tells different things.
    """

    error: DomainError
    data: type[serializers.Serializer[Any]] | None
    always: bool = True
    name: str | None = None

    @property
    def schema(self) -> str:
        """What the document calls it: `OrderNotFoundError` for `order_not_found`."""
        words = self.error.code.removesuffix("_error").split("_")
        return self.name or "".join(word.capitalize() for word in words) + "Error"


Refusal = DomainError | Telling


@dataclass(frozen=True)
class _Refusals:
    """What one status of a call may mean; stands in the place of an answer's serializer."""

    told: tuple[Refusal, ...]


class EnvelopeSchema(AutoSchema):
    """Nothing is guessed from a view: every call says what it takes and gives with `documented`."""

    def get_operation(self, *arguments: Any, **options: Any) -> Document | None:
        """The call; one that needs no token says so, and each answer names its headers."""
        operation: Document | None = super().get_operation(*arguments, **options)
        if operation is None:
            return None
        operation.setdefault("security", [])
        is_idempotent = any(parameter["name"] == IDEMPOTENCY_PARAMETER.name for parameter in operation["parameters"])
        for status, answer in operation["responses"].items():
            named = {"X-Request-ID": "RequestId", **HEADERS_OF_STATUS.get(int(status), {})}
            if is_idempotent and status.startswith("2"):
                named["Idempotency-Replayed"] = "IdempotencyReplayed"
            answer["headers"] = {name: {"$ref": f"#/components/headers/{header}"} for name, header in named.items()}
        return operation

    def get_tags(self) -> list[str]:
        return [self.path.strip("/").split("/")[0]]

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """What programs call it: `TicketData` is the class here, `Ticket` the schema there."""
        name: str = super().get_serializer_name(serializer, direction)
        return name.removesuffix("Data")

    def _is_list_view(self, serializer: Any = None) -> bool:
        """A list is an object in the envelope, never a bare array."""
        return False

    def _resolve_path_parameters(self, variables: Iterable[str]) -> list[Document]:
        """Every id in a path is a UUID; the routes take any text, so that a malformed one is our own 404."""
        schema = {"type": "string", "format": "uuid"}
        return [{"in": "path", "name": name, "schema": schema, "required": True} for name in variables]

    def _map_serializer_field(self, field: Any, *arguments: Any, **options: Any) -> Document:
        if isinstance(field, Constant):
            return {"type": "boolean" if isinstance(field.value, bool) else "string", "const": field.value}
        if isinstance(field, ErrorCodeField):
            code = component("ErrorCode")
            return {"oneOf": [code, {"type": "null"}]} if field.allow_null else code
        schema: Document = super()._map_serializer_field(field, *arguments, **options)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.EmailField) and field.allow_blank:
            schema.pop("format", None)  # one that is none is left out, and costs nothing
        return schema

    def _get_serializer_field_meta(self, field: Any, direction: str) -> Document:
        """A default is no part of a body's schema: generators would make the field one that must be sent."""
        meta: Document = super()._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        meta.pop("default", None)
        if direction == "request" and isinstance(field, serializers.CharField) and not field.allow_blank:
            meta["minLength"] = 1
        if isinstance(field, PlainTextField):
            meta["maxLength"] = field.longest
            if not (field.allow_blank or field.allow_null):  # where null clears, empty text does
                meta["pattern"] = SHOWS_SOMETHING_IN_ONE_LINE if field.one_line else SHOWS_SOMETHING
        return meta

    def _get_response_for_code(self, serializer: Any, *arguments: Any, **options: Any) -> Document:
        if isinstance(serializer.response, _Refusals):
            serializer = self._refusing(serializer.response.told)
        answer: Document = super()._get_response_for_code(serializer, *arguments, **options)  # type: ignore[no-untyped-call]
        return answer

    def _refusing(self, refusals: Iterable[Refusal]) -> OpenApiResponse:
        """What a status may mean: the schema of its code, or one of several."""
        examples: dict[str, OpenApiExample] = {}
        by_code: dict[str, Telling] = {}
        for told in map(_telling, refusals):
            code = told.error.code
            name = code if code not in examples else f"{code} {len(examples) + 1}"
            examples[name] = OpenApiExample(name, value=_example_of(told.error))
            if told.name or code not in by_code:
                by_code[code] = told
        mapping = {code: self.resolve_serializer(_envelope_of(told), "response").ref for code, told in by_code.items()}
        schema: Document = next(iter(mapping.values()))
        if len(mapping) > 1:
            discriminator = {"propertyName": "error", "mapping": {code: ref["$ref"] for code, ref in mapping.items()}}
            schema = {"oneOf": list(mapping.values()), "discriminator": discriminator}
        return OpenApiResponse(schema, ", ".join(f"`{code}`" for code in mapping), list(examples.values()))


def documented(
    at: str,
    operation_id: str,
    summary: str,
    *,
    description: str,
    message: str,
    data: Fields,
    example: Mapping[str, Any],
    body: type[serializers.Serializer[Any]] | None = None,
    body_examples: Mapping[str, Any] | None = None,
    status: int = 200,
    also: Iterable[int] = (),
    refusals: Iterable[Refusal] = (),
    parameters: Iterable[OpenApiParameter] = (),
    public: bool = False,
    idempotent: bool = False,
    api_key: bool = False,
) -> Callable[[View], View]:
    """Document one call, and say where it is: `at` is method and address, as "GET users/me" (`ondi/api/routes.py`).

    `message`, `data`, `example`: what the answer says, the fields inside the envelope, and such
    data as it really looks; `also`: other statuses of such an answer; `refusals`: what it refuses beyond what every
    call does."""
    parameters = list(parameters)
    common = _common_refusals(public=public or api_key, has_body=body is not None, idempotent=idempotent)
    if parameters or idempotent:
        faulty = parameters[0].name if parameters else IDEMPOTENCY_PARAMETER.name
        common = [InvalidInput({faulty: ["invalid"]}), *common]
    name = operation_id[0].upper() + operation_id[1:]
    envelope = inline_serializer(
        f"{name}Answer",
        {
            "success": Constant(True),
            "message": serializers.CharField(),
            "data": inline_serializer(f"{name}Content", dict(data)) if data else serializers.DictField(),
        },
    )
    answer = OpenApiResponse(
        envelope,
        description="Success",
        examples=[OpenApiExample("Success", value={"success": True, "message": message, "data": example})],
    )
    examples = [OpenApiExample(title, value=value, request_only=True) for title, value in (body_examples or {}).items()]
    headers = [IDEMPOTENCY_PARAMETER] if idempotent else []
    describe = extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=description,
        request=body,
        parameters=[*parameters, LANGUAGE_PARAMETER, *headers],
        responses={status: answer, **dict.fromkeys(also, answer), **_refusal_responses([*refusals, *common])},
        examples=examples,
        auth=[] if public else None,
    )

    def placed(view: View) -> View:
        described: View = describe(view)
        described.at = at  # type: ignore[attr-defined]
        return described

    return placed


def _common_refusals(*, public: bool, has_body: bool, idempotent: bool) -> list[DomainError]:
    found: list[DomainError] = [errors.Throttled(1), ServiceUnavailable(), errors.InternalError(), NotFound()]
    if not public:
        found.append(errors.NotAuthenticated())
    if has_body:
        found += [InvalidInput({"field": ["required"]}), errors.MalformedJson()]
    if idempotent:
        found += [errors.IdempotencyInProgress(), errors.IdempotencyKeyReused()]
    return [*found, errors.LengthRequired(), errors.PayloadTooLarge(), errors.UnsupportedMediaType()]


def _refusal_responses(refusals: Iterable[Refusal]) -> dict[int, OpenApiResponse]:
    by_status: dict[int, list[Refusal]] = {}
    for refusal in refusals:
        by_status.setdefault(status_of(_telling(refusal).error), []).append(refusal)
    return {status: OpenApiResponse(_Refusals(tuple(group))) for status, group in sorted(by_status.items())}


def _telling(refusal: Refusal) -> Telling:
    if isinstance(refusal, Telling):
        return refusal
    return Telling(refusal, FaultyFieldsData if isinstance(refusal, InvalidInput) else None)


@functools.cache
def _envelope(schema: str, code: str, data: type[serializers.Serializer[Any]] | None, always: bool) -> Any:
    told: dict[str, Any] = {"data": data(required=always)} if data else {}
    return inline_serializer(
        schema, {"success": Constant(False), "message": serializers.CharField(), "error": Constant(code), **told}
    )


def _envelope_of(telling: Telling) -> serializers.Serializer[Any]:
    """The envelope of this refusal, made once: each code has one schema, whichever calls refuse with it."""
    envelope: serializers.Serializer[Any] = _envelope(telling.schema, telling.error.code, telling.data, telling.always)
    return envelope


def _example_of(error: DomainError) -> Document:
    data = {"fields": described(error.fields)} if isinstance(error, InvalidInput) else error.data
    told = {} if data is None else {"data": data}
    return {"success": False, "message": error.message, "error": error.code, **told}


def complete(result: Document, generator: Any, **_options: Any) -> Document:
    """drf-spectacular's hook at the end: the headers, every code that an answer may have, null as it is."""
    schemas = result["components"]["schemas"]
    codes = [schema.get("properties", {}).get("error", {}).get("const") for schema in schemas.values()]
    schemas["ErrorCode"] = {"type": "string", "enum": sorted({*filter(None, codes), errors.MethodNotAllowed.code})}
    null = schemas.pop("Null", None)
    result["components"] = {**result["components"], "headers": HEADERS, "schemas": dict(sorted(schemas.items()))}
    completed: Document = _with_null(result) if null else result
    return completed


def _with_null(part: Any) -> Any:
    """The same, with null itself where an enumeration of nothing but null was referred to."""
    if isinstance(part, list):
        return [_with_null(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {"type": "null"} if part == component("Null") else {key: _with_null(value) for key, value in part.items()}
