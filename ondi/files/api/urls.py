from ondi.api.routes import routes_of
from ondi.files.api.views import AttachmentViewSet

urlpatterns = routes_of(AttachmentViewSet)
