"""People: who they are (`User`), who they are in a tenant (`Membership`), and how they get in."""

from contextlib import nullcontext
from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ondi.accounts.hashing import line
from ondi.accounts.querysets import MembershipQuerySet, UserManager
from ondi.accounts.roles import Role
from ondi.common.database import TenantForeignKey
from ondi.common.ids import new_id
from ondi.common.personal import ROW, NotPersonal, PersonalData
from ondi.tenants.models import Language, TenantOwned

ONE_PERSON_PER_ADDRESS = "accounts_membership_email"
LONGEST_WAIT = 30  # seconds


class AfterSending(models.TextChoices):
    """Where somebody goes on after what they sent."""

    STAY = "stay", _("Stay here")
    NEXT = "next", _("Then the next ticket")
    LIST = "list", _("Then the list")


class User(AbstractBaseUser):
    """A login: the name one signs in with (`email`), a password, and whether it works.

    `email` is set together with a password and never by what a tenant imports or types: the address a tenant
    knows of somebody is `Membership.email`. Who has been given no password yet has a login without a name.
    `is_superuser` marks the platform operator. Not a tenant's row, so not behind the tenant wall.
    `send_wait`, in seconds, and `after_sending` are how they work in the admin, in all their tenants alike;
    `hides_first_steps`: they were shown what a fresh tenant has yet to set up, and want to see it no more.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(
        _("e-mail"),
        null=True,
        blank=True,
        unique=True,
        help_text=_("What they sign in with, in lower case. Empty for people who cannot sign in yet."),
    )
    email_proved_at = models.DateTimeField(
        _("e-mail proved"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When a link mailed to this address was last opened."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(_("platform operator"), default=False)
    send_wait = models.PositiveSmallIntegerField(_("seconds until it is sent"), default=10, db_default=10)
    after_sending = models.CharField(
        _("after sending"), max_length=4, choices=AfterSending.choices, default=AfterSending.STAY, db_default="stay"
    )
    hides_first_steps = models.BooleanField(_("hides the first steps"), default=False, db_default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    personal = PersonalData(erase={"email": None, "password": "!"}, withheld="the address again, and a password's hash")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("login")
        verbose_name_plural = _("logins")
        ordering = ["email", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="accounts_user_email_lower_case"),
            models.CheckConstraint(
                condition=models.Q(email_proved_at=None) | models.Q(email__isnull=False),
                name="accounts_user_proved_is_an_email",
            ),
            models.CheckConstraint(condition=models.Q(send_wait__lte=LONGEST_WAIT), name="accounts_user_send_wait"),
        ]

    def __str__(self) -> str:
        return self.email or str(self.id)

    @property
    def is_staff(self) -> bool:
        """Django's admin asks; who may in is decided by the staff site, from memberships."""
        return self.is_active

    def set_password(self, raw_password: str | None) -> None:
        """Hashes in its turn; raises `ServiceUnavailable` where that does not come. None: no password."""
        with line.turn() if raw_password is not None else nullcontext():
            super().set_password(raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Hashes in its turn; raises `ServiceUnavailable` where that does not come."""
        with line.turn():
            return super().check_password(raw_password)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Rights follow the role in the tenant (policies), never Django's permission table."""
        return self.is_active and self.is_superuser

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_superuser


class Membership(TenantOwned):
    """A person in a tenant. Memberships end; they are never deleted, so history keeps its people."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("login"))
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    email = models.EmailField(
        _("e-mail"),
        null=True,
        blank=True,
        help_text=_("The address this tenant knows of the person, in lower case. It opens nothing by itself."),
    )
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=8, choices=Language.choices, blank=True)
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True)
    source_updated_at = models.DateTimeField(
        _("updated at the source"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The newest news that wrote this person; older ones change nothing."),
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.CUSTOMER)
    is_support_user = models.BooleanField(_("support user"), default=False)
    is_view_only = models.BooleanField(
        _("view only"), default=False, help_text=_("Looks at the desk's tickets in the admin and changes nothing.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)

    personal = PersonalData(
        brings=("user",), export="person",
        erase={"first_name": "", "last_name": "", "email": None, "phone": "", "language": "", "external_id": None},
    )  # fmt: skip

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="accounts_membership_one_per_person"),
            models.UniqueConstraint(fields=["tenant", "external_id"], name="accounts_membership_external_id"),
            models.UniqueConstraint(
                fields=["tenant", "email"],
                name=ONE_PERSON_PER_ADDRESS,
                violation_error_message=_("This person belongs to this tenant already."),
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="accounts_membership_email_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(is_support_user=False) | ~models.Q(role=Role.CUSTOMER),
                name="accounts_membership_support_is_staff",
                violation_error_message=_("A customer cannot be a support user."),
            ),
            models.CheckConstraint(
                condition=models.Q(is_view_only=False) | models.Q(role=Role.AGENT, is_support_user=False),
                name="accounts_membership_view_only_is_agent",
                violation_error_message=_("Only an agent who is no support user can be view only."),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "role", "last_name", "first_name", "id"], name="accounts_membership_list")
        ]

    def __str__(self) -> str:
        return self.full_name or str(_("Unnamed"))

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def waits(self) -> bool:
        """Whether nobody signs in as this person yet: their login has no name. Counts in no sign-in."""
        return self.user.email is None

    @property
    def email_is_proved(self) -> bool:
        """Whether the person behind this address is known to be the one it belongs to.

        A link mailed to it was opened; or the operator of the platform believes this tenant about its
        customers. It says something in this tenant alone, and joins nothing.
        """
        if self.email is None:
            return False
        opened = self.user.email == self.email and self.user.email_proved_at is not None
        return opened or (self.role == Role.CUSTOMER and self.tenant.vouches_for_emails)


class RefreshFamily(TenantOwned):
    """One signed-in session: a refresh token and all its successors.

    Only the newest token is good. The one before it is remembered for the grace of two open tabs. `api_key`: the key
    whose program signed the customer in; such a session has no refresh token, and ends with its one access token.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("login"))
    current_jti = models.UUIDField(editable=False)
    previous_jti = models.UUIDField(null=True, editable=False)
    issued_at = models.DateTimeField(_("last refreshed"))
    expires_at = models.DateTimeField(_("expires"))
    created_at = models.DateTimeField(_("signed in"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    api_key = TenantForeignKey(
        "ApiKey", null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("signed in by")
    )

    personal = PersonalData(of="user", erase=ROW, export="sessions")

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        indexes = [
            models.Index(fields=["tenant", "user", "expires_at"], name="accounts_family_of_user"),
            models.Index(fields=["expires_at"], name="accounts_family_age"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SignInAttempts(models.Model):
    """When sign-ins failed or began, by a hash of whose they are (`attempts`). No tenant's row: nobody is in yet."""

    key = models.CharField(max_length=64, primary_key=True)
    failed_at = ArrayField(models.DateTimeField())
    succeeded_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(db_index=True)

    personal = NotPersonal("a hash and moments, for a few days")

    def __str__(self) -> str:
        return self.key


class SettingsChange(TenantOwned):
    """Who changed what in the portal settings: append-only. No actor: the system."""

    actor = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("who")
    )
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    personal = NotPersonal("the tenant's settings")

    class Meta:
        verbose_name = _("settings change")
        verbose_name_plural = _("settings changes")
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="accounts_settings_history")]

    def __str__(self) -> str:
        return ", ".join(self.after)


class Scope(models.TextChoices):
    """What an API key opens (API.md, section 7)."""

    CATALOGUE_WRITE = "catalogue:write", _("Send orders, deliveries and customers")
    CHANGES_READ = "changes:read", _("Read what changed")
    TICKETS_READ = "tickets:read", _("Read tickets and their messages")
    TOKENS_CREATE = "tokens:create", _("Sign customers in")


def first_scopes() -> list[str]:
    """What every key could do before there were scopes."""
    return [Scope.CATALOGUE_WRITE.value]


class ApiKey(TenantOwned):
    """A tenant's key to the integration endpoints. Shown once; only its hash is kept."""

    name = models.CharField(_("name"), max_length=100)
    scopes = ArrayField(
        models.CharField(max_length=32, choices=Scope.choices),
        verbose_name=_("may"),
        default=first_scopes,
        db_default=["catalogue:write"],
    )
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = TenantForeignKey(
        Membership, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    personal = NotPersonal("a tenant's key")

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        indexes = [models.Index(fields=["tenant", "created_at"], name="accounts_apikey_list")]

    def __str__(self) -> str:
        return self.name

    @property
    def opens_something(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())
