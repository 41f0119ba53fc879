// The five calls and a chat on the types of openapi-typescript, by openapi-fetch.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./fetch/schema.js";

type Ticket = components["schemas"]["TicketDetail"];

const [url, tenant, customer, agent, password] = process.argv.slice(2) as [string, string, string, string, string];

async function signedIn(email: string) {
  const door = createClient<paths>({ baseUrl: url });
  const { data } = await door.POST("/auth/login", { body: { email, password, tenant } });
  assert(data);
  return createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${data.data.access_token}` } });
}

const portal = await signedIn(customer);
const workbench = await signedIn(agent);

const listed = await portal.GET("/customer/support/tickets", { params: { query: { limit: 50, status: "open" } } });
const held = listed.data?.data.tickets.find((ticket) => ticket.related_delivery_id !== null);
assert(held);

const taken = await portal.POST("/customer/support/tickets", {
  body: { subject: "Delivery delayed", message: "Where is it?", related_delivery_id: held.related_delivery_id },
});
assert(taken.error?.error === "support_ticket_already_open_for_related");
assert.equal(taken.error.data?.existing_ticket_id, held.id);

const faulty = await portal.POST("/customer/support/tickets", { body: { subject: " ", message: "Where is it?" } });
assert(faulty.error?.error === "validation_error");
assert.deepEqual(faulty.error.data.fields["subject"]?.map((fault) => fault.code), ["blank"]);

const header = { "Idempotency-Key": randomUUID() };
const made = await portal.POST("/customer/support/tickets", {
  body: { subject: "A question", message: "Do you open on Saturdays?", priority: "high" },
  params: { header },
});
const ticket: Ticket | undefined = made.data?.data.ticket;
assert(ticket);
const ticketPath = { params: { path: { ticket_id: ticket.id } } };
const read = await portal.GET("/customer/support/tickets/{ticket_id}", ticketPath);
assert.equal(read.data?.data.ticket.waiting_on, "agent");

const thread = { conversation_id: ticket.conversation.id };
const queue = await workbench.GET("/messaging/support/tickets", { params: { query: { search: "Saturdays" } } });
assert(queue.data?.data.tickets.some((row) => row.id === ticket.id));
const claimed = await workbench.POST("/messaging/support/tickets/{ticket_id}/assign-to-me", ticketPath);
assert(claimed.data?.data.ticket.assigned_to_user);
const said = await workbench.POST("/messaging/conversations/{conversation_id}/messages", {
  params: { path: thread },
  body: { content: "From nine to five." },
});
const message = said.data?.data.message;
assert(message);
const heard = await portal.GET("/messaging/conversations/{conversation_id}/messages", { params: { path: thread } });
assert.equal(heard.data?.data.messages[0]?.content, "From nine to five.");
const marked = await portal.PUT("/messaging/conversations/{conversation_id}/read-status", {
  params: { path: thread, query: { message_id: message.id } },
});
assert.equal(marked.data?.data.unread_count, 0);
await portal.POST("/messaging/conversations/{conversation_id}/messages", {
  params: { path: thread },
  body: { content: "Thank you" },
});
const news = await workbench.GET("/messaging/conversations/{conversation_id}/messages", {
  params: { path: thread, query: { after: message.id } },
});
assert.deepEqual([news.data?.data.messages.length, news.data?.data.has_more], [1, false]);

const closed = await portal.POST("/customer/support/tickets/{ticket_id}/close", ticketPath);
assert.equal(closed.data?.data.ticket.status, "closed");
const late = await portal.POST("/messaging/conversations/{conversation_id}/messages", {
  params: { path: thread },
  body: { content: "One more thing" },
});
assert.equal(late.error?.error, "conversation_closed");
const again = await portal.POST("/customer/support/tickets/{ticket_id}/reopen", { ...ticketPath, body: {} });
assert.equal(again.error?.error, "customer_reopen_disabled");
