"""A tenant in which somebody may be told something."""

from django.utils import timezone

from ondi.notifications.models import Notification
from ondi.outbox.models import SetAside
from ondi.outbox.relay import relay_all
from ondi.outbox.subscribers import subscribers, take_turn
from ondi.tenants.scope import tenant_scope
from support import services
from tests.factories import MemberFactory, TenantFactory, actor, make_ticket, reload

(TELLING,) = (one for one in subscribers() if one.name == "notifications")


class World:
    """`sara` has the customer's ticket; `yusuf` is a colleague, `lead` their lead."""

    def __init__(self):
        self.tenant = TenantFactory()
        self.customer = MemberFactory(tenant=self.tenant, first_name="Layla", last_name="Hassan")
        self.sara = MemberFactory(tenant=self.tenant, agent=True, first_name="Sara", last_name="Kareem")
        self.yusuf = MemberFactory(tenant=self.tenant, agent=True, first_name="Yusuf", last_name="Aziz")
        self.lead = MemberFactory(tenant=self.tenant, lead=True, first_name="Dana", last_name="Omar")
        self.ticket = make_ticket(self.customer, agent=self.sara, subject="Where is my lamp?")
        take_turn(TELLING)  # begins at the present
        self.settle()
        with tenant_scope(self.tenant.id):
            Notification.objects.all().delete()

    def settle(self):
        """Relay and tell whatever happened."""
        relay_all()
        while take_turn(TELLING):
            pass
        with tenant_scope(self.tenant.id):
            assert list(SetAside.objects.values_list("reason", flat=True)) == []

    def say(self, who, content="Hello", ticket=None, at=None):
        with tenant_scope(self.tenant.id):
            conversation = (ticket or self.ticket).conversation_id
            return services.post_message(actor=actor(who), conversation_id=conversation, content=content, at=at)

    def do(self, service, who, ticket=None, **details):
        with tenant_scope(self.tenant.id):
            return service(actor=actor(who), ticket_id=(ticket or self.ticket).id, **details)

    def told(self, who=None):
        """Who was told what, in the order of events: (person's first name, type), or a person's types."""
        self.settle()
        with tenant_scope(self.tenant.id):
            found = Notification.objects.select_related("membership").order_by("position", "membership__first_name")
            rows = [(one.membership, one.notification_type) for one in found]
        if who is not None:
            return [kind for person, kind in rows if person == who]
        return [(person.first_name, kind) for person, kind in rows]

    def unread(self, who):
        """The types of what is in their list and not read."""
        with tenant_scope(self.tenant.id):
            own = Notification.objects.listed_for(actor(reload(who)), at=timezone.now()).unread()
            return list(own.order_by("position").values_list("notification_type", flat=True))
