import { createRoute, z } from "@hono/zod-openapi";
import { issueTicket } from "../../account/new_ticket.ts";
import type { RandomBytes } from "../../account/secret.ts";
import type { TicketStore } from "../../account/ticket.ts";
import type { Clock } from "../../clock.ts";
import { type Api, jsonResponse, newApi } from "../api.ts";
import { requires } from "../security.ts";
import { AUTH_PROBLEMS, openApiProblems } from "../problem_schema.ts";
import { Timestamp, toTimestamp } from "../user_schema.ts";

const CREATE = createRoute({
  method: "post",
  path: "/api/v1/tickets",
  tags: ["accounts"],
  ...requires("read"),
  summary: "Get a ticket for a WebSocket or an event stream",
  description:
    "Where no header can be set, as browsers cannot: `/ws?ticket=…` and `/api/v1/events?ticket=…` open one connection as whoever got the ticket.",
  responses: {
    201: jsonResponse(
      z.object({ ticket: z.string(), expires_at: Timestamp }),
      "It counts once, for 30 s",
    ),
    ...openApiProblems(...AUTH_PROBLEMS, "storage_full"),
  },
});

export interface TicketRoutesOptions {
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
