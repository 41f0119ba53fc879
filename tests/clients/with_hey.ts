// The five calls and a chat on the client of @hey-api/openapi-ts.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createClient } from "./hey/client/index.js";
import type { TicketDetail } from "./hey/index.js";
import {
  assignTicketToMe, closeSupportTicket, createSupportTicket, getSupportTicket, listMessages, listQueue,
  listSupportTickets, login, markConversationRead, postMessage, reopenSupportTicket,
} from "./hey/index.js";

const [baseUrl, tenant, customer, agent, password] = process.argv.slice(2) as [string, string, string, string, string];

async function signedIn(email: string) {
  const { data } = await login({ client: createClient({ baseUrl }), body: { email, password, tenant } });
  assert(data);
  return createClient({ baseUrl, auth: data.data.access_token });
}

const portal = await signedIn(customer);
const workbench = await signedIn(agent);

const listed = await listSupportTickets({ client: portal, query: { limit: 50, status: "open" } });
const held = listed.data?.data.tickets.find((ticket) => ticket.related_delivery_id !== null);
assert(held);

const taken = await createSupportTicket({
  client: portal,
  body: { subject: "Delivery delayed", message: "Where is it?", related_delivery_id: held.related_delivery_id },
});
assert(taken.error?.error === "support_ticket_already_open_for_related");
assert.equal(taken.error.data?.existing_ticket_id, held.id);

const faulty = await createSupportTicket({ client: portal, body: { subject: " ", message: "Where is it?" } });
assert(faulty.error?.error === "validation_error");
assert.deepEqual(faulty.error.data.fields["subject"]?.map((fault) => fault.code), ["blank"]);

const made = await createSupportTicket({
  client: portal,
  body: { subject: "A question", message: "Do you open on Sundays?", priority: "high" },
  headers: { "Idempotency-Key": randomUUID() },
});
const ticket: TicketDetail | undefined = made.data?.data.ticket;
assert(ticket);
const path = { ticket_id: ticket.id };
const read = await getSupportTicket({ client: portal, path });
assert.equal(read.data?.data.ticket.waiting_on, "agent");

const thread = { conversation_id: ticket.conversation.id };
const queue = await listQueue({ client: workbench, query: { search: "Sundays" } });
assert(queue.data?.data.tickets.some((row) => row.id === ticket.id));
const claimed = await assignTicketToMe({ client: workbench, path });
assert(claimed.data?.data.ticket.assigned_to_user);
const said = await postMessage({ client: workbench, path: thread, body: { content: "From nine to five." } });
const message = said.data?.data.message;
assert(message);
const heard = await listMessages({ client: portal, path: thread });
assert.equal(heard.data?.data.messages[0]?.content, "From nine to five.");
const marked = await markConversationRead({ client: portal, path: thread, query: { message_id: message.id } });
assert.equal(marked.data?.data.unread_count, 0);
await postMessage({ client: portal, path: thread, body: { content: "Thank you" } });
const news = await listMessages({ client: workbench, path: thread, query: { after: message.id } });
assert.deepEqual([news.data?.data.messages.length, news.data?.data.has_more], [1, false]);

const closed = await closeSupportTicket({ client: portal, path });
assert.equal(closed.data?.data.ticket.status, "closed");
const late = await postMessage({ client: portal, path: thread, body: { content: "One more thing" } });
assert.equal(late.error?.error, "conversation_closed");
const again = await reopenSupportTicket({ client: portal, path, body: { message: "One more thing" } });
assert.equal(again.error?.error, "customer_reopen_disabled");
