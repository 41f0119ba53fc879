from django.urls import path

from support.api.views import CustomerTicketViewSet

urlpatterns = [
    path(
        "customer/support/tickets",
        CustomerTicketViewSet.as_view({"get": "list", "post": "create"}),
        name="customer-tickets",
    ),
    path(
        "customer/support/tickets/<str:ticket_id>",
        CustomerTicketViewSet.as_view({"get": "retrieve"}),
        name="customer-ticket",
    ),
    path(
        "customer/support/tickets/<str:ticket_id>/close",
        CustomerTicketViewSet.as_view({"post": "close"}),
        name="customer-ticket-close",
    ),
    path("customer/support/summary", CustomerTicketViewSet.as_view({"get": "summary"}), name="customer-summary"),
]
