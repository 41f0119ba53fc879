"""Is the process up, and can it serve? For load balancers; no token, no throttle."""

from django.db import connection, transaction
from django.utils.decorators import method_decorator
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.api.responses import success
from ondi.api.schema import documented
from ondi.api.views import ApiViewSet


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class HealthViewSet(ApiViewSet):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    @documented(
        "GET health/live",
        "healthLive",
        "The process is up",
        description="Asks nothing of the database.",
        message="ok",
        data={"status": serializers.CharField()},
        example={"status": "ok"},
        public=True,
    )
    def live(self, request: Request) -> Response:
        return success("ok", {"status": "ok"})

    @documented(
        "GET health/ready",
        "healthReady",
        "The database answers",
        description="503 while the database does not answer.",
        message="ok",
        data={"status": serializers.CharField()},
        example={"status": "ok"},
        public=True,
    )
    def ready(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return success("ok", {"status": "ok"})
