"""What can be refused where a view of the queue is saved: said in the workbench alone."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class ViewNotFound(DomainError):
    code = "view_not_found"
    kind = Kind.NOT_FOUND
    message = _("This view is no longer there.")


class CannotSaveViews(DomainError):
    code = "permission_denied"
    kind = Kind.FORBIDDEN
    message = _("Only support users save views; views of several people only leads and admins.")


class ViewNameTaken(DomainError):
    code = "view_name_taken"
    kind = Kind.CONFLICT
    message = _("There is a view of this name already; capitals make no difference.")


class TooManyViews(DomainError):
    code = "too_many_views"
    kind = Kind.CONFLICT
    message = _("There are as many views as there can be. Delete one first.")


class ViewAsksForNothing(DomainError):
    code = "view_asks_for_nothing"
    kind = Kind.INVALID
    message = _("There is nothing to save: choose a filter, an order or a search first.")


class ViewAsksForUnknown(DomainError):
    code = "view_asks_for_unknown"
    kind = Kind.INVALID
    message = _("This view asks for something that is not there: a filter, a value or an order. Choose anew.")


class ViewAlwaysEmpty(DomainError):
    code = "view_always_empty"
    kind = Kind.INVALID
    message = _("This list would always be empty: closed tickets are nobody's turn, not due and not unread.")


class ViewTooSlow(DomainError):
    code = "view_too_slow"
    kind = Kind.UNPROCESSABLE
    message = _(
        "This list would have to read very many tickets each time it is shown. "
        "Narrow it, for example to open tickets, to the last 30 days, or by rarer words, and save it then."
    )
