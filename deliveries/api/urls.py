from deliveries.api.views import IntegrationViewSet
from ondi.api.routes import routes_of

urlpatterns = routes_of(IntegrationViewSet)
