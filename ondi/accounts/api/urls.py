from django.urls import path

from ondi.accounts.api.views import AuthViewSet, PasswordViewSet, UserViewSet

urlpatterns = [
    path("auth/login", AuthViewSet.as_view({"post": "login"}), name="auth-login"),
    path("auth/refresh", AuthViewSet.as_view({"post": "refresh"}), name="auth-refresh"),
    path("auth/logout", AuthViewSet.as_view({"post": "logout"}), name="auth-logout"),
    path("auth/password", PasswordViewSet.as_view({"post": "password"}), name="auth-password"),
    path("auth/password/forgot", AuthViewSet.as_view({"post": "forgot"}), name="auth-password-forgot"),
    path("auth/password/reset", AuthViewSet.as_view({"post": "reset"}), name="auth-password-reset"),
    path("users/me", UserViewSet.as_view({"get": "me"}), name="users-me"),
]
