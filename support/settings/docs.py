"""What the OpenAPI document says of portal settings."""

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import documented
from support import errors
from support.settings.portal import Portal
from support.settings.serializers import (
    ATTACHMENTS,
    AttachmentSettings,
    CustomerTicketSettings,
    SettingsBody,
    SettingsOptions,
    SettingsValues,
    VisibilitySettings,
    in_sections,
)

SARA = {"id": "0197f0a0-0000-7000-8000-000000000003", "name": "Sara Kareem"}
PORTAL = Portal(allow_customer_close=True, acknowledgement_html={"en": "<p>We answer within the hour.</p>"})
VALUES = in_sections(PORTAL)
VALUES["file_settings"] = {"quota_bytes": 21_474_836_480, "used_bytes": 1_288_490_188}
VALUES["support_ticket_settings"] |= {"support_user_ids": [SARA["id"]], "support_users": [SARA]}
SETTINGS = {"options": {"support_users": [SARA]}, "values": VALUES}

customer_settings = documented(
    "GET customer/delivery/portal-settings",
    "getPortalSettings",
    "What this portal allows",
    description="For the portal's own pages; the same for every customer of the tenant.",
    message="Settings retrieved",
    data={
        "support_ticket_settings": CustomerTicketSettings(),
        "visibility_settings": VisibilitySettings(),
        "attachments": AttachmentSettings(),
    },
    example={**in_sections(PORTAL, for_customers=True), "attachments": ATTACHMENTS},
    refusals=TOKENS,
)
portal_settings = documented(
    "GET delivery/customer-portal/settings",
    "getCustomerPortalSettings",
    "Read the portal settings",
    description="By admins of the tenant. `options` are the people who can be made support users.",
    message="Settings retrieved",
    data={"options": SettingsOptions(), "values": SettingsValues()},
    example=SETTINGS,
    refusals=[*TOKENS, errors.CannotManageSettings()],
)
update_portal_settings = documented(
    "PUT delivery/customer-portal/settings",
    "updateCustomerPortalSettings",
    "Change the portal settings",
    message="Settings updated",
    description="Sections and keys left out stay. `support_user_ids` is the whole list. In force on the next request.",
    body=SettingsBody,
    body_examples={"Let customers close": {"support_ticket_settings": {"allow_customer_close": True}}},
    data={"options": SettingsOptions(), "values": SettingsValues()},
    example=SETTINGS,
    refusals=[*TOKENS, errors.CannotManageSettings()],
)
