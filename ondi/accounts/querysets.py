"""Reads of people."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.db.models import Q

from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from ondi.accounts.models import Membership, User  # noqa: F401 - named in strings


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        """The login with this e-mail, whatever its capitals."""
        return self.get(email=normalize_email(username))

    def create_user(self, email: str | None, password: str | None = None, **fields: Any) -> "User":
        """A new login; without a password it cannot sign in."""
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


def normalize_email(email: str | None) -> str | None:
    """E-mails are kept in lower case, so that one address is one login."""
    return email.strip().lower() or None if email else None


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def active(self) -> "MembershipQuerySet":
        return self.filter(ended_at=None, user__is_active=True)

    def support_users(self) -> "MembershipQuerySet":
        return self.active().filter(is_support_user=True)

    def customers(self) -> "MembershipQuerySet":
        return self.filter(role="customer")

    def staff(self) -> "MembershipQuerySet":
        return self.exclude(role="customer")

    def called(self, term: str) -> "MembershipQuerySet":
        """People by the beginning of a name, phone, e-mail or external id, by name; every word has to fit."""
        found = self
        for word in term.split():
            found = found.filter(
                Q(first_name__istartswith=word)
                | Q(last_name__istartswith=word)
                | Q(phone__startswith=word)
                | Q(email__startswith=word.lower())
                | Q(external_id=word)
            )
        return found.order_by("last_name", "first_name", "id")

    def for_list(self) -> "MembershipQuerySet":
        return self.select_related("user", "tenant")
