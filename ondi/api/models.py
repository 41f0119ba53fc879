"""The answers kept for `Idempotency-Key`. Plain ids, no relations: this layer knows no tenants."""

from django.db import models

from ondi.common.ids import new_id
from ondi.common.personal import ROW, PersonalData


class IdempotencyRecord(models.Model):
    """The first answer to one creating request; good for 24 hours."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    user_id = models.UUIDField()
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=500)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response = models.JSONField()
    created_at = models.DateTimeField()

    personal = PersonalData(
        names="user_id", erase=ROW, withheld="answers that their tickets and messages hold as well; for a day"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "user_id", "method", "path", "key"], name="api_idempotency_one_answer"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="api_idempotency_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
