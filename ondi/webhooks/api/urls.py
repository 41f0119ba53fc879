from ondi.api.routes import routes_of
from ondi.webhooks.api.views import SubscriptionViewSet

urlpatterns = routes_of(SubscriptionViewSet)
