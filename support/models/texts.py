"""What support users have ready: words, and what they do again and again. Everybody's of the tenant, or one's own."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ondi.accounts.models import Membership
from ondi.common.database import TenantForeignKey
from ondi.common.personal import NotPersonal
from ondi.tenants.models import Language, TenantOwned
from support.text_querysets import CannedReplyQuerySet, MacroQuerySet
from support.vocabulary import LONGEST_MESSAGE

LONGEST_NAME = 60
FIRST_KEY, LAST_KEY = 1, 9


class CannedReply(TenantOwned):
    """A ready text, by shortcut and language. Its placeholders: `support/placeholders.py`.

    The same shortcut in several languages is one reply; shortcuts are kept in lower case. `owner`: whose alone it is;
    None: everybody's.
    """

    shortcut = models.SlugField(_("shortcut"), max_length=40)
    language = models.CharField(_("language"), max_length=8, choices=Language.choices)
    folder = models.CharField(_("folder"), max_length=LONGEST_NAME, default="", db_default="", blank=True)
    content = models.TextField(_("text"), max_length=LONGEST_MESSAGE)
    owner = TenantForeignKey(
        Membership, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+",
        verbose_name=_("only for"),
    )  # fmt: skip

    personal = NotPersonal("what the tenant, or one of its agents, says to everybody")

    objects = CannedReplyQuerySet.as_manager()

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        ordering = ["shortcut", "language", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "shortcut", "language", "owner"],
                name="support_canned_reply_shortcut",
                nulls_distinct=False,
                violation_error_message=_("This shortcut is there already in this language."),
            ),
            models.CheckConstraint(condition=Q(shortcut=Lower("shortcut")), name="support_canned_reply_lower_case"),
        ]

    def __str__(self) -> str:
        return f"/{self.shortcut} ({self.language})"


class Macro(TenantOwned):
    """Several actions on a ticket under one name.

    `steps`: in their order, each `{"action": …, "values": {…}}`, as `support/macros` checks and does them. `owner`:
    whose alone it is; None: everybody's. `key`: the digit that opens it on a ticket.
    """

    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    folder = models.CharField(_("folder"), max_length=LONGEST_NAME, default="", blank=True)
    key = models.PositiveSmallIntegerField(
        _("key"), null=True, blank=True, validators=[MinValueValidator(FIRST_KEY), MaxValueValidator(LAST_KEY)]
    )
    steps = models.JSONField(_("what it does"), default=list)
    owner = TenantForeignKey(
        Membership, null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+",
        verbose_name=_("only for"),
    )  # fmt: skip

    personal = NotPersonal("what agents do with any ticket, and say to everybody")

    objects = MacroQuerySet.as_manager()

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering = ["folder", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name", "owner"],
                name="support_macro_name",
                nulls_distinct=False,
                violation_error_message=_("There is a macro of this name already."),
            ),
            models.UniqueConstraint(
                fields=["tenant", "key", "owner"],
                condition=Q(key__isnull=False),
                name="support_macro_key",
                nulls_distinct=False,
                violation_error_message=_("Another macro has this key already."),
            ),
            models.CheckConstraint(condition=Q(key__range=(FIRST_KEY, LAST_KEY)), name="support_macro_key_is_a_digit"),
        ]

    def __str__(self) -> str:
        return self.name
