"""`/schema`: the OpenAPI document, made once and the same for everybody."""

import functools
import threading

import orjson
from django.db import transaction
from django.http import HttpResponse
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from ondi.api.views import ApiViewSet

LANGUAGE = "en"
MEDIA_TYPE = "application/vnd.oai.openapi+json"
_making = threading.Lock()  # the generator's parts load themselves when first used, and not for two at once


def document() -> bytes:
    """The document as JSON. The first to ask makes it; those who ask meanwhile wait for that."""
    with _making:
        return _document()


@functools.cache
def _document() -> bytes:
    with translation.override(LANGUAGE):
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        return orjson.dumps(generator.get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class SchemaViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None  # no call of the API itself

    def retrieve(self, request: Request) -> HttpResponse:
        return HttpResponse(document(), content_type=MEDIA_TYPE)
