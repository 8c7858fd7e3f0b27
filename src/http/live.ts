import { z } from "@hono/zod-openapi";
import { EVENT_TYPES } from "../feed/event.ts";
import { type Api, newApi } from "./api.ts";
import { problems } from "./problem_schema.ts";
import type { EventStreams } from "./sse.ts";
import type { Connections } from "./ws.ts";

/** What clients that stay connected may ask for; event_query.ts and ws_parameters.ts read it. */
const RESUME = {
  since: z.int().min(0).optional().openapi({ description: "Events after this number" }),
  repository: z.string().optional().openapi({
    description: "Events of this repository alone",
    example: "octo/app",
  }),
};

/** `/ws` and `/api/v1/events`: what stays open. */
export function liveRoutes(
  { connections, events }: { readonly connections: Connections; readonly events: EventStreams },
): Api {
  const api = newApi();
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/ws",
    tags: ["live"],
    summary: "Open a WebSocket",
    description:
      'Text frames: snapshots, `{"runs":[…]}`, at once and then on every beat; with `topics=events` every event, too.',
    request: {
      query: z.object({
        view: z.enum(["compact", "full"]).optional().openapi({ description: "How much of a run" }),
        topics: z.string().optional().openapi({
          description: "Comma-separated: `runs`, `events`",
          example: "runs,events",
        }),
        batch: z.enum(["true", "false"]).optional().openapi({
          description: "`true`: messages about events are arrays of them; wants the topic `events`",
        }),
        ...RESUME,
      }),
    },
    responses: {
      101: { description: "The WebSocket is open" },
      ...problems(
        "bad_parameter",
        "origin_not_allowed",
        "upgrade_required",
        "internal",
        "stopping",
        "too_many_connections",
      ),
    },
  });
  api.openAPIRegistry.registerPath({
    method: "get",
    path: "/api/v1/events",
    tags: ["live"],
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
      ...problems(
        "bad_parameter",
        "origin_not_allowed",
        "internal",
        "stopping",
        "too_many_connections",
      ),
    },
  });
  api.get("/ws", (context) => connections.upgrade(context));
  api.get("/api/v1/events", (context) => events.answer(context));
  return api;
}
