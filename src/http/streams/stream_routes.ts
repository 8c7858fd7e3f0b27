import { z } from "@hono/zod-openapi";
import { type Api, newApi } from "../api.ts";
import { DEFAULT_PROBLEM, openApiProblems, READ_PROBLEMS } from "../problem.ts";
import { requiresForStream } from "../security.ts";
import type { EventStreams } from "./sse.ts";
import { EventHeadersSchema, EventParamsSchema, WebSocketParamsSchema } from "./stream_params.ts";
import type { WebSocketServer } from "./websocket.ts";

/** `GET /ws` and `GET /api/v1/events`. */
export function streamRoutes(
  { webSockets, eventStreams }: {
    readonly webSockets: WebSocketServer;
    readonly eventStreams: EventStreams;
  },
): Api {
  const api = newApi();
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/ws",
    operationId: "openWebSocket",
    tags: ["live"],
    ...requiresForStream("read"),
    summary: "Open a WebSocket",
    description:
      'Text messages from the server: snapshots, `{"runs":[…]}`, on connect and after every poll; chat messages as they are posted, ' +
      '`{"id","content","user_id","created_at"}`; with `topics=events` every event, including chat messages. ' +
      'The client posts a chat message with `{"content","user_id"}`, as in `POST /api/v1/messages`, which requires the ' +
      'permission `write`. Errors are sent to this client only: `{"error":{"code","message"}}`, with the codes ' +
      "`invalid_message`, `forbidden`, `storage_unavailable`, `storage_full` and `internal`. A client that sends more than " +
      "10 messages per second (bursts of up to 20) receives `rate_limited` and is closed with 1008.",
    request: { query: WebSocketParamsSchema },
    responses: {
      101: { description: "The WebSocket is open" },
      ...DEFAULT_PROBLEM,
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
    operationId: "streamEvents",
    tags: ["live"],
    ...requiresForStream("read"),
    summary: "Stream events",
    description:
      "Server-sent events: `id` is the sequence number of an event, `event` its type, `data` its JSON. A client that reconnects with `Last-Event-ID` misses no events.",
    request: { headers: EventHeadersSchema, query: EventParamsSchema },
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
  api.get("/ws", (context) => webSockets.upgrade(context));
  api.get("/api/v1/events", (context) => eventStreams.handle(context));
  return api;
}
