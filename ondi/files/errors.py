"""What can be refused of files."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class AttachmentNotFound(DomainError):
    code = "attachment_not_found"
    kind = Kind.NOT_FOUND
    message = _("There is no such file.")


class AttachmentNotUploaded(DomainError):
    code = "attachment_not_uploaded"
    kind = Kind.CONFLICT
    message = _("The file is not uploaded yet.")


class AttachmentAlreadyUploaded(DomainError):
    code = "attachment_already_uploaded"
    kind = Kind.CONFLICT
    message = _("Another file was uploaded here before.")


class StorageQuotaExceeded(DomainError):
    code = "storage_quota_exceeded"
    kind = Kind.CONFLICT
    message = _("There is no room left for files.")
