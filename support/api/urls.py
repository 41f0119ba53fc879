from ondi.api.routes import routes_of
from support.api.agent.actions import AgentActionViewSet
from support.api.agent.views import AgentTicketViewSet
from support.api.customer.views import CustomerTicketViewSet
from support.api.messaging.changes_views import OwnChangesViewSet, TenantChangesViewSet
from support.api.messaging.conversation_views import ConversationViewSet, ParticipantsViewSet
from support.api.messaging.message_views import MessageViewSet, ReadStatusViewSet
from support.api.messaging.notification_views import NotificationViewSet, PreferencesViewSet
from support.api.messaging.stream_views import StreamTicketViewSet
from support.api.programs.views import ProgramMessageViewSet, ProgramTicketViewSet
from support.settings.views import CustomerSettingsViewSet, PortalSettingsViewSet

urlpatterns = routes_of(
    CustomerTicketViewSet,
    CustomerSettingsViewSet,
    PortalSettingsViewSet,
    ConversationViewSet,
    ParticipantsViewSet,
    MessageViewSet,
    ReadStatusViewSet,
    OwnChangesViewSet,
    StreamTicketViewSet,
    TenantChangesViewSet,
    NotificationViewSet,
    PreferencesViewSet,
    AgentTicketViewSet,
    AgentActionViewSet,
    ProgramTicketViewSet,
    ProgramMessageViewSet,
)
