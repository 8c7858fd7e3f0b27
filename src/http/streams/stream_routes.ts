import { z } from "@hono/zod-openapi";
import { EVENT_TYPES } from "../../feed/event.ts";
import { type Api, newApi } from "../api.ts";
import { requiresForStream } from "../security.ts";
import { openApiProblems, READ_PROBLEMS } from "../problem_schema.ts";
import type { EventStreams } from "./sse.ts";
import type { WebSocketServer } from "./websocket.ts";

/** What clients that stay connected may ask for; event_query.ts and ws_parameters.ts read it. */
const TICKET = {
  ticket: z.string().optional().openapi({
    description: "Of `POST /api/v1/tickets`, where no header can be set",
  }),
};
const RESUME = {
  since: z.int().min(0).optional().openapi({ description: "Events after this number" }),
  repository: z.string().optional().openapi({
    description: "Events of this repository alone",
    example: "octo/app",
  }),
};

/** `/ws` and `/api/v1/events`: what stays open. */
export function streamRoutes(
  { connections, events }: { readonly connections: WebSocketServer; readonly events: EventStreams },
): Api {
  const api = newApi();
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/ws",
    tags: ["live"],
    ...requiresForStream("read"),
    summary: "Open a WebSocket",
    description:
      'Text frames: snapshots, `{"runs":[…]}`, at once and then on every beat; messages as soon as they are said, ' +
      '`{"id","content","user_id","created_at"}`; with `topics=events` every event, messages among them. ' +
      'A client says something by `{"content","user_id"}`, as in `POST /api/v1/messages`, which needs the permission ' +
      '`write`. What is wrong with that is answered to it alone: `{"error":{"code","message"}}`, with the codes ' +
      "`invalid_message`, `forbidden`, `storage_unavailable`, `storage_full` and `internal`. Who says more than 10 a second " +
      "(20 at once) gets `rate_limited` and is closed with 1008.",
    request: {
      query: z.object({
        view: z.enum(["compact", "full"]).optional().openapi({ description: "How much of a run" }),
        topics: z.string().optional().openapi({
          description: "Comma-separated: `runs`, `messages`, `events`; the first two unless given",
          example: "runs,events",
        }),
        batch: z.enum(["true", "false"]).optional().openapi({
          description: "`true`: messages about events are arrays of them; wants the topic `events`",
        }),
        ...RESUME,
        ...TICKET,
      }),
    },
    responses: {
      101: { description: "The WebSocket is open" },
      ...openApiProblems(
        ...READ_PROBLEMS,
        "upgrade_required",
        "shutting_down",
        "too_many_connections",
      ),
    },
  });
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/v1/events",
    tags: ["live"],
    ...requiresForStream("read"),
    summary: "Follow events as a stream",
    description:
      "Server-sent events: `id` is the number of an event, `event` its type, `data` its JSON. A client that comes back with `Last-Event-ID` misses none.",
    request: {
      headers: z.object({
        "Last-Event-ID": z.int().min(0).optional().openapi({ description: "Goes before `since`" }),
      }),
      query: z.object({
        topics: z.string().optional().openapi({
          description: `Comma-separated: ${EVENT_TYPES.map((type) => `\`${type}\``).join(", ")}`,
          example: "run",
        }),
        ...RESUME,
        ...TICKET,
      }),
    },
    responses: {
      200: {
        description: "The stream",
        content: {
          "text/event-stream": {
            schema: z.string().openapi({
              example: 'id: 7\nevent: run\ndata: {"seq":7,"type":"run","at":"…","data":{}}\n\n',
            }),
          },
        },
      },
      ...openApiProblems(
        ...READ_PROBLEMS,
        "shutting_down",
        "too_many_connections",
      ),
    },
  });
  api.get("/ws", (context) => connections.upgrade(context));
  api.get("/api/v1/events", (context) => events.handle(context));
  return api;
}
