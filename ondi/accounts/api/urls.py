from ondi.accounts.api.views import AuthViewSet, PasswordViewSet, UserViewSet
from ondi.api.routes import routes_of

urlpatterns = routes_of(AuthViewSet, PasswordViewSet, UserViewSet)
