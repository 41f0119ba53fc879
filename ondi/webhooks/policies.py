"""Who may manage webhooks: the tenant's admins, and the platform operator."""

from ondi.accounts.actors import Actor
from ondi.accounts.roles import Role
from ondi.common.errors import DomainError, PermissionDenied


def managing_refusal(actor: Actor) -> DomainError | None:
    return None if actor.role == Role.ADMIN or actor.is_operator else PermissionDenied()
