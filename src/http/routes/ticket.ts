import { z } from "@hono/zod-openapi";
import type { RandomBytes } from "../../account/crypto.ts";
import { issueTicket, type TicketStore } from "../../account/ticket.ts";
import type { Clock } from "../../clock.ts";
import { type Api, apiRoute, jsonResponse, newApi } from "../api.ts";
import { requires } from "../security.ts";
import { Timestamp, toTimestamp } from "../timestamp.ts";

const TicketSchema = z.object({ ticket: z.string(), expires_at: Timestamp }).openapi("Ticket");

const CREATE = apiRoute({
  operationId: "createTicket",
  tag: "accounts",
  method: "post",
  path: "/api/v1/tickets",
  access: requires("read"),
  summary: "Create a connection ticket",
  description:
    "For clients that cannot set headers, such as browsers: `/ws?ticket=…` and `/api/v1/events?ticket=…` open one connection as the caller that created the ticket.",
  returns: { 201: jsonResponse(TicketSchema, "Single-use, valid for 30 s") },
  problems: ["storage_full"],
});

interface TicketRoutesOptions {
  readonly tickets: Pick<TicketStore, "create">;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** `POST /api/v1/tickets`. */
export function ticketRoutes(options: TicketRoutesOptions): Api {
  const api = newApi();
  api.openapi(CREATE, async (context) => {
    const { ticket, expiresAt } = await issueTicket(context.get("principal"), options);
    context.header("Cache-Control", "no-store");
    return context.json({ ticket, expires_at: toTimestamp(expiresAt) }, 201);
  });
  return api;
}
