"""What the clients of a run do, what they were told, and whether the database agrees."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.reliability.caller import Caller
from tests.reliability.product import Product

TICKETS = "/customer/support/tickets"
CLIENTS = 8


@dataclass
class Ledger:
    """What was acknowledged: each word is unique, so that the database can be asked for it."""

    tickets: dict[str, str] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    seen: "Counter[int]" = field(default_factory=Counter)
    broken: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def take_in(self, caller: Caller) -> None:
        with self.lock:
            self.seen += caller.seen
            self.broken += caller.broken
            self.faults += caller.faults

    @property
    def writes(self) -> int:
        return len(self.tickets) + len(self.messages) + len(self.closed)


def run_clients(product: Product, harm: Callable[[], Any], *, clients: int = CLIENTS, most: float = 300) -> Ledger:
    """So many customers open, write and close while `harm()` goes on, `most` so many seconds."""
    ledger, done = Ledger(), threading.Event()
    deadline = time.monotonic() + most
    people = product.customers()

    def work(number: int) -> None:
        caller = product.caller(people[number % len(people)][1])
        try:
            while not done.is_set() and time.monotonic() < deadline:
                one_case(caller, ledger)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs into the report
            ledger.faults.append(f"client {number}: {type(error).__name__} {error}")
        ledger.take_in(caller)

    with ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(work, number) for number in range(clients)]
        try:
            harm()
        finally:
            done.set()
        for future in futures:
            future.result()
    return ledger


def one_case(caller: Caller, ledger: Ledger) -> None:
    """Open a ticket, say two things in it, and mostly close it; each told again until it is answered."""
    word = uuid.uuid4().hex
    opened = caller.insist("POST", TICKETS, {"subject": word, "message": f"first {word}"})
    if opened.status != 201:
        raise AssertionError(f"create: {opened.status} {opened.body}")
    ticket = opened.data["ticket"]
    ledger.tickets[word] = ticket["id"]
    for _message in range(2):
        said = uuid.uuid4().hex
        path = f"/messaging/conversations/{ticket['conversation']['id']}/messages"
        answer = caller.insist("POST", path, {"content": said})
        if answer.status != 201:
            raise AssertionError(f"message: {answer.status} {answer.body}")
        ledger.messages.add(said)
    if random.random() < 0.8:
        answer = caller.insist("POST", f"{TICKETS}/{ticket['id']}/close")
        if answer.status != 200:
            raise AssertionError(f"close: {answer.status} {answer.body}")
        ledger.closed.add(ticket["id"])


WHOLE = """
SELECT ticket.id::text FROM support_ticket AS ticket
JOIN conversations_conversation AS thread ON thread.id = ticket.conversation_id
WHERE thread.message_count <> (SELECT count(*) FROM conversations_message WHERE conversation_id = thread.id)
   OR thread.message_count <> (SELECT max(sequence) FROM conversations_message WHERE conversation_id = thread.id)
   OR NOT EXISTS (SELECT FROM conversations_participant WHERE conversation_id = thread.id AND role = 'customer')
   OR (SELECT count(*) FROM support_ticketevent WHERE ticket_id = ticket.id AND kind = 'opened') <> 1
   OR (ticket.status = 'closed') <> (thread.status = 'closed')
   OR (ticket.status = 'closed')
      <> EXISTS (SELECT FROM support_ticketevent WHERE ticket_id = ticket.id AND kind = 'closed')
"""
NUMBERS = """
SELECT tenant_id::text FROM support_ticket GROUP BY tenant_id
HAVING count(*) <> max(number) OR count(DISTINCT number) <> count(*)
"""
ORPHANS = """
SELECT thread.id::text FROM conversations_conversation AS thread
WHERE NOT EXISTS (SELECT FROM support_ticket WHERE conversation_id = thread.id)
"""


def faults_of(product: Product, ledger: Ledger) -> list[str]:
    """Everything that was acknowledged and is not there exactly once, and everything that is there by half."""
    found = list(ledger.faults)
    with product.owner() as owner:
        subjects = Counter(word for (word,) in owner.execute("SELECT subject FROM support_ticket"))
        said = Counter(word for (word,) in owner.execute("SELECT content FROM conversations_message"))
        closed = {word for (word,) in owner.execute("SELECT id::text FROM support_ticket WHERE status = 'closed'")}
        found += [f"ticket {word}: {subjects[word]} times" for word in ledger.tickets if subjects[word] != 1]
        found += [f"message {word}: {said[word]} times" for word in ledger.messages if said[word] != 1]
        found += [f"not closed: {ticket}" for ticket in ledger.closed - closed]
        found += [f"twice: {word}" for word, times in subjects.items() if times > 1]
        for name, query in (("half a ticket", WHOLE), ("gap in numbers", NUMBERS), ("no ticket for", ORPHANS)):
            found += [f"{name}: {word}" for (word,) in owner.execute(query)]
    return found
