"""What the OpenAPI document says of the stream; its own process answers it (`ondi.streaming`)."""

from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import documented

DESCRIPTION = """\
For `EventSource`, which sets no headers: `url` is the whole address of the stream with a ticket, good once, for 30 s.
After every error ask for a new one and open `<url>&after=<last position>`. Programs that set headers open
`GET /messaging/stream` there with the token itself, and `?after=` or `Last-Event-ID`; without either it begins now.

The stream is `text/event-stream`. First `event: hello`, whose `id` is the position from which nothing is missed: read
the lists after it. Then events as `GET /messaging/changes` has them: `id` is the position, `event` the kind, `data`
what to read again. A comment comes every 20 s; after 45 s without one connect again. `event: reset`: the position is
older than 24 hours, or ahead: read the lists again. The last is `event: end` with `{"reason"}`: `token_expired`,
`access_ended`, `replaced` (by a seventh stream of the same person) or `shutdown`."""

ticket = documented(
    "POST messaging/stream/tickets",
    "createStreamTicket",
    "Get a ticket for the live stream",
    description=DESCRIPTION,
    message="Stream ticket created",
    data={"url": serializers.URLField(), "expires_at": serializers.DateTimeField()},
    example={
        "url": "https://support.example/messaging/stream?ticket=0bq3nDyrIuSP5WxJqz4Gk2mJb8yV6cT1oQxLr0aZs9E",
        "expires_at": "2026-11-23T09:00:30.000000Z",
    },
    status=201,
    refusals=TOKENS,
)
