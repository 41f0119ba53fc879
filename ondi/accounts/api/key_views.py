"""What a portal's own server does about sign-ins, with a tenant's API key."""

from typing import cast

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.api import docs
from ondi.accounts.api.serializers import CustomerTokenBody, user_data
from ondi.accounts.api_keys import ApiKeyAuthentication, HasScope, Integration
from ondi.accounts.customer_tokens import sign_customer_in
from ondi.accounts.models import Scope
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body


class CustomerTokenViewSet(ApiViewSet):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    scope = Scope.TOKENS_CREATE

    @docs.customer_token
    def create(self, request: Request) -> Response:
        body = valid_body(CustomerTokenBody, request)
        token = sign_customer_in(key=cast(Integration, request.user), **body)
        data = {
            "access_token": token.access_token,
            "token_type": "Bearer",
            "expires_in": token.expires_in,
            "user": user_data(token.actor),
        }
        return success(_("Signed in"), data, status=201)
