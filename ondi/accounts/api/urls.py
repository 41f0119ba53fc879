from ondi.accounts.api.key_views import CustomerTokenViewSet
from ondi.accounts.api.views import AuthViewSet, PasswordViewSet, UserViewSet
from ondi.api.routes import routes_of

urlpatterns = routes_of(AuthViewSet, PasswordViewSet, UserViewSet, CustomerTokenViewSet)
