from django.urls import path

from deliveries.api.views import IntegrationViewSet

urlpatterns = [
    path("integrations/orders", IntegrationViewSet.as_view({"put": "orders"}), name="integrations-orders"),
    path("integrations/deliveries", IntegrationViewSet.as_view({"put": "deliveries"}), name="integrations-deliveries"),
]
