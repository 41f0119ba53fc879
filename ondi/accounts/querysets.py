"""Reads of people."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.db.models import F, Q

from ondi.common.compiled import AnyOf
from ondi.common.querysets import TenantQuerySet
from ondi.common.searching import ids_found, words_of

if TYPE_CHECKING:
    from ondi.accounts.models import Membership, User  # noqa: F401 - named in strings

SHORTEST_NUMBER = 7  # digits of a phone number, without the code of an area


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
        """People by name, e-mail, phone number or external id: one function of the database, which folds letters as
        every search does and reads the tenants from the scope. Every word has to fit, in any order."""
        return self.filter(AnyOf(F("id"), ids_found("ondi_search_people", " ".join(words_of(term)))))

    def reached_at(self, *, phone: str, email: str | None) -> "MembershipQuerySet":
        """Who has this phone number, however either is written, or this e-mail. Fewer than seven digits are none."""
        is_number = sum(letter.isdecimal() for letter in phone) >= SHORTEST_NUMBER
        by_phone = AnyOf(F("id"), ids_found("ondi_search_people", phone if is_number else []))
        return self.filter(Q(by_phone) | Q(email=normalize_email(email)) if email else by_phone)

    def for_list(self) -> "MembershipQuerySet":
        return self.select_related("user", "tenant")
