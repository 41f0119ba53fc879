"""The story the demo tells: two tenants, their people, and conversations in the languages of their customers."""

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
    tickets_a_day: tuple[int, int] = (3, 7)


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


@dataclass(frozen=True, slots=True)
class DemoTopic:
    """What customers write of again and again. `on`: an order, a delivery, or nothing; `hours_late`: the delivery's."""

    language: str
    subject: str
    messages: tuple[str, ...]
    on: str = "nothing"
    tag: str = ""
    note: str = ""
    priority: str = "medium"
    hours_late: int = 0
    file: str = ""


TENANTS = (
    DemoTenant(
        "tigris",
        "Tigris Express",
        allow_customer_close=True,
        first_delivery_code=1901,
        city="Baghdad",
        tickets_a_day=(4, 8),
    ),
    DemoTenant(
        "zagros",
        "Zagros Market",
        allow_customer_close=False,
        first_delivery_code=5201,
        city="Erbil",
        tickets_a_day=(1, 2),
    ),
)  # fmt: skip
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
# They have no login, and write in three weeks of history. Names are as long and as odd as people's are.
WRITERS = (
    DemoPerson("", "شیلان", "کەریم", Role.CUSTOMER, language="ku"),
    DemoPerson("", "ئاراس", "محەمەد", Role.CUSTOMER, language="ku"),
    DemoPerson("", "حسين", "العبيدي", Role.CUSTOMER, language="ar"),
    DemoPerson("", "فاطمة الزهراء", "عبد الرحمن الموسوي", Role.CUSTOMER, language="ar"),
    DemoPerson("", "نیلوفر", "کریمی", Role.CUSTOMER, language="fa"),
    DemoPerson("", "Bo", "", Role.CUSTOMER),
    DemoPerson("", "María del Carmen", "Fernández-Villanueva y Ortiz de Zárate", Role.CUSTOMER),
    DemoPerson("", "Hubert", "Wolfeschlegelsteinhausenbergerdorff", Role.CUSTOMER),
    DemoPerson("", "Siobhán", "O'Brien & Sons, Ltd.", Role.CUSTOMER),
    DemoPerson("", "Karwan", "Jamal", Role.CUSTOMER),
    DemoPerson("", "Rania", "Haddad", Role.CUSTOMER),
)
TAGS = ("address", "courier", "damaged", "invoice", "late", "refund", "wrong item")
CANNED = (
    ("hello", "en", "Hello, thank you for writing."),
    ("hello", "ar", "مرحباً، شكراً لتواصلك معنا."),
    ("hello", "ku", "سڵاو، سوپاس بۆ نامەکەت."),
    ("late", "en", "I am sorry that {delivery_code} is late, {customer_first_name}. I am asking the courier now."),
    ("late", "ar", "نعتذر عن تأخر الشحنة {delivery_code}. سأسأل المندوب الآن وأعود إليك."),
    ("late", "ku", "داوای لێبوردن دەکەین بۆ دواکەوتنی {delivery_code}. ئێستا لە گەیەنەرەکە دەپرسم."),
    ("refund", "en", "Your money for {order_number} is on its way; banks take three to five working days."),
    ("refund", "ar", "أعدنا إليك مبلغ الطلب {order_number}، ويصل عادةً خلال ثلاثة إلى خمسة أيام عمل."),
    ("address", "en", "Please send me the whole address: street, number, and something to find it by."),
    ("address", "ar", "يرجى إرسال العنوان كاملاً: الشارع والرقم وأقرب نقطة دالة."),
    ("bye", "en", "Is there anything else I can do for you? If not, I wish you a good day."),
    ("bye", "ar", "هل من شيء آخر يمكنني مساعدتك به؟ وإلا فأتمنى لك يوماً سعيداً."),
)
# Open hours from Sunday to Thursday, 09:00 to 18:00 in Baghdad; Monday first.
OFFICE = [*([[[540, 1080]]] * 4), [], [], [[540, 1080]]]
# Name, what it is for, and minutes of open hours to the first answer, each next one, and the solution.
PROMISES: tuple[tuple[str, dict[str, list[str]], int, int, int], ...] = (
    ("Urgent and high", {"priority": ["urgent", "high"]}, 60, 120, 540),
    ("Everybody else", {}, 180, 240, 1080),
)
TOPICS = (
    DemoTopic(
        "en", "Parcel is two days late",
        ("It should have come on Monday. Is it lost?", "It is not lost: the courier has it again for today.",
         "It came, thanks."), "delivery", "late", "The van broke down; all of that tour is late.", "high", 50,
    ),
    DemoTopic(
        "en", "Came an hour early", ("Nobody was at home, it was promised for the afternoon.",
         "Sorry for that! The courier comes again at five."), "delivery", "courier", hours_late=-1,
    ),
    DemoTopic(
        "en", "Cup broken on arrival",
        ("One of the six cups is in pieces. Here is a picture.", "What a pity. A new one goes out today, at no cost.",
         "Perfect."), "order", "damaged", file="cup.png",
    ),
    DemoTopic(
        "en", "Charged twice", ("My card was charged twice for one order.",
         "I see both. The second payment is on its way back, it takes three to five days.", "Thank you.",
         "You are welcome."), "order", "refund", "Double click at the checkout, told to the shop's people.", "high",
    ),
    DemoTopic(
        "en", "Invoice with our VAT number", ("Please send the invoice again, with the number in the attached file.",
         "It is in your mailbox now."), "order", "invoice", file="company.pdf", priority="low",
    ),
    DemoTopic(
        "en", "Change of address before it ships", ("We moved. Can it go to 7 River Road instead?",
         "Done, it goes to 7 River Road."), "delivery", "address",
    ),
    DemoTopic(
        "en", "Fwd: Re: ORDER-CONFIRMATION_2026-11-14T09:32:17_customer-copy_(final)_v2_please-do-not-reply.eml",
        ("I forward you this, what does it mean?", "It only says that your order came in. Nothing is to be done."),
        priority="low",
    ),
    DemoTopic(
        "en", "The other size, please",
        ("Can I swap the shoes for 43?", "Yes. Give the old ones to the courier tomorrow.", "Which courier?",
         "The one who brings the new pair, between nine and noon.", "Great."), "order", "wrong item",
    ),
    DemoTopic(
        "ar", "الشحنة متأخرة منذ يومين", ("كان موعد التسليم يوم الاثنين ولم يصل شيء، هل ضاعت؟",
         "لم تضِع، وهي مع المندوب اليوم وستصلك قبل السادسة.", "وصلت، شكراً لكم."), "delivery", "late", "", "high", 46,
    ),
    DemoTopic(
        "ar", "الكوب مكسور", ("وصل أحد الأكواب مكسوراً، والصورة مرفقة.",
         "نأسف لذلك، سنرسل لك بديلاً اليوم دون أي كلفة."), "order", "damaged", file="كوب.png",
    ),
    DemoTopic(
        "ar", "تغيير عنوان التوصيل", ("انتقلنا إلى حي المنصور، هل يمكن تغيير العنوان؟",
         "نعم، يرجى إرسال العنوان كاملاً مع أقرب نقطة دالة.", "حي المنصور، شارع 14 رمضان، قرب الصيدلية.",
         "تم تغييره."), "delivery", "address",
    ),
    DemoTopic(
        "ar", "استرداد المبلغ", ("أعدت الحذاء قبل أسبوع ولم يصلني المبلغ بعد.",
         "أعدناه أمس، ويصل خلال ثلاثة إلى خمسة أيام عمل."), "order", "refund", "أُعيد المبلغ يدوياً من لوحة المصرف.",
    ),
    DemoTopic(
        "ku", "داواکارییەکەم دواکەوتووە", ("داواکارییەکەم هێشتا نەگەیشتووە. دەکرێت پێم بڵێن لە کوێیە؟",
         "سڵاو، سوپاس بۆ نامەکەت. ئێستا لەگەڵ گەیەنەرەکەیە و ئەمڕۆ دەگات.", "گەیشت، زۆر سوپاس."),
        "delivery", "late", "", "high", 20,
    ),
    DemoTopic(
        "ku", "گۆڕینی ناونیشان", ("دەتوانم ناونیشانی گەیاندنەکە بگۆڕم؟", "بەڵێ، تکایە ناونیشانە نوێیەکە بنێرە.",
         "شەقامی شەست مەتری، نزیک پارکی سامی.", "گۆڕدرا."), "delivery", "address",
    ),
    DemoTopic(
        "fa", "رسید پرداخت", ("لطفاً رسید پرداخت این سفارش را برایم بفرستید.", "سلام، رسید به ایمیل شما فرستاده شد."),
        "order", "invoice", priority="low",
    ),
)  # fmt: skip
