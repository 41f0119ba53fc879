"""The story the demo tells: two tenants, their people, and conversations in English and Arabic."""

from dataclasses import dataclass
from datetime import timedelta

from deliveries.models import DeliveryStatus
from ondi.accounts.roles import Role
from orders.models import OrderStatus, PaymentStatus


@dataclass(frozen=True, slots=True)
class DemoTenant:
    slug: str
    name: str
    allow_customer_close: bool
    first_delivery_code: int
    city: str


@dataclass(frozen=True, slots=True)
class DemoPerson:
    mailbox: str
    first_name: str
    last_name: str
    role: Role
    is_support_user: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True)
class DemoTicket:
    """A conversation, alternating from the customer's first message; `on` names the item by its place."""

    subject: str
    messages: tuple[str, ...]
    on: str
    priority: str = "medium"
    agent: str | None = None
    closed: bool = False
    age: timedelta = timedelta(hours=3)


TENANTS = (
    DemoTenant("tigris", "Tigris Express", allow_customer_close=True, first_delivery_code=1901, city="Baghdad"),
    DemoTenant("zagros", "Zagros Market", allow_customer_close=False, first_delivery_code=5201, city="Erbil"),
)
PEOPLE = (
    DemoPerson("admin", "Noor", "Aziz", Role.ADMIN),
    DemoPerson("lead", "Omar", "Khalil", Role.LEAD, is_support_user=True),
    DemoPerson("agent1", "Sara", "Kareem", Role.AGENT, is_support_user=True),
    DemoPerson("agent2", "Yusuf", "Rahman", Role.AGENT, is_support_user=True),
    DemoPerson("agent3", "Dana", "Salih", Role.AGENT),
    DemoPerson("customer1", "Layla", "Hassan", Role.CUSTOMER),
    DemoPerson("customer2", "علي", "الجبوري", Role.CUSTOMER, language="ar"),
    DemoPerson("customer3", "Mina", "Petros", Role.CUSTOMER),
    DemoPerson("customer4", "زينب", "كاظم", Role.CUSTOMER, language="ar"),
    DemoPerson("customer5", "Hawre", "Ahmed", Role.CUSTOMER),
)
ORDERS = (
    (OrderStatus.DELIVERED, PaymentStatus.PAID, "Coffee beans, 1 kg", 2, "18.50"),
    (OrderStatus.SHIPPED, PaymentStatus.PAID, "Desk lamp", 1, "49.90"),
    (OrderStatus.PENDING, PaymentStatus.PENDING, "Running shoes", 1, "72.00"),
    (OrderStatus.APPROVED, PaymentStatus.PAID, "Tea glasses, set of six", 1, "15.25"),
    (OrderStatus.CANCELLED, PaymentStatus.REFUNDED, "Phone case", 3, "7.40"),
    (OrderStatus.IN_TRANSIT, PaymentStatus.PAID, "Cotton towels", 4, "9.95"),
)
# Status, and hours from now to the promised time.
DELIVERIES = (
    (DeliveryStatus.IN_TRANSIT, -3),
    (DeliveryStatus.DELIVERED, -48),
    (DeliveryStatus.ASSIGNED, 6),
    (DeliveryStatus.PENDING, 26),
    (DeliveryStatus.PICKED_UP, 2),
    (DeliveryStatus.RETURNED, -72),
)
ENGLISH = (
    DemoTicket(
        "Delivery delayed",
        (
            "My delivery was promised for this morning and the tracking has not moved since yesterday. Where is it?",
            "Hello, thank you for writing. I am asking the courier right now.",
            "Thanks. I am at home until six.",
        ),
        on="delivery 0",
        priority="high",
        agent="agent1",
    ),
    DemoTicket(
        "Wrong item received",
        ("The lamp in the box is black, I ordered the white one. Can you exchange it?",),
        on="order 1",
        age=timedelta(hours=1, minutes=20),
    ),
    DemoTicket(
        "Parcel left with a neighbour",
        (
            "Delivered, it says, but nobody rang. Who has my parcel?",
            "It is with your neighbour on the second floor, the courier has noted the name.",
            "Found it, thank you!",
        ),
        on="delivery 1",
        priority="low",
        agent="agent2",
        closed=True,
        age=timedelta(days=2),
    ),
)
ARABIC = (
    DemoTicket(
        "تأخر التوصيل",
        (
            "كان من المفترض أن تصل الشحنة صباح اليوم ولم يتغير التتبع منذ أمس. أين هي؟",
            "مرحباً، شكراً لتواصلك معنا. سأتواصل مع المندوب الآن وأعود إليك.",
        ),
        on="delivery 0",
        priority="high",
        agent="agent2",
        age=timedelta(hours=5),
    ),
    DemoTicket(
        "سؤال عن الفاتورة",
        ("هل يمكنكم إرسال الفاتورة باسم الشركة؟",),
        on="nothing",
        priority="low",
        age=timedelta(minutes=40),
    ),
    DemoTicket(
        "استلمت منتجاً خاطئاً",
        (
            "طلبت اللون الأبيض ووصلني الأسود.",
            "نعتذر عن الخطأ، سنرسل البديل غداً دون أي كلفة.",
            "شكراً جزيلاً.",
        ),
        on="order 1",
        agent="agent1",
        closed=True,
        age=timedelta(days=4),
    ),
)
