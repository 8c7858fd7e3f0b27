import { createRoute, z } from "@hono/zod-openapi";
import { toMessageData } from "../../message/event.ts";
import type { MessageStore } from "../../message/message.ts";
import type { MessageSender } from "../../message/sender.ts";
import { type Api, jsonResponse, newApi, NOT_MODIFIED, paramsSchema, parsedParam } from "../api.ts";
import { requires } from "../security.ts";
import { LINK_HEADER, setCursorLink } from "../pagination.ts";
import { MessageSchema, NewMessageSchema } from "../message_schema.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, READ_PROBLEMS, WRITE_PROBLEMS } from "../problem_schema.ts";
import { integerParam, withDefault } from "../query.ts";

const MAX_LIMIT = 100;
/** RFC 9562, section 4. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const LIST = createRoute({
  method: "get",
  path: "/api/v1/messages",
  tags: ["messages"],
  ...requires("read"),
  summary: "Read what was said",
  description: "The newest first; `Link` leads to those before.",
  request: {
    query: paramsSchema({
      before: parsedParam((text) => UUID.test(text) ? text.toLowerCase() : undefined, {
        allowed: "the id of a message",
        description: "Those before this message",
        schema: { type: "string", format: "uuid" },
      }).optional(),
      limit: withDefault(
        integerParam({ min: 1, max: MAX_LIMIT, description: "How many at the most" }),
        30,
      ),
    }),
  },
  responses: {
    200: {
      ...jsonResponse(z.object({ items: z.array(MessageSchema) }), "Messages, the newest first"),
      ...LINK_HEADER,
    },
    ...NOT_MODIFIED,
    ...openApiProblems(...READ_PROBLEMS, "not_found"),
  },
});

const SEND = createRoute({
  method: "post",
  path: "/api/v1/messages",
  tags: ["messages"],
  ...requires("write"),
  summary: "Say something to all",
  description: "It is kept first, and then told to every client of every instance, in one order.",
  request: {
    body: { required: true, content: { "application/json": { schema: NewMessageSchema } } },
  },
  responses: {
    201: jsonResponse(MessageSchema, "It is kept, and told"),
    ...openApiProblems(...WRITE_PROBLEMS),
  },
});

export interface MessageRoutesOptions {
  readonly messages: Pick<MessageStore, "list">;
  readonly sender: Pick<MessageSender, "send">;
}

/** `GET` and `POST /api/v1/messages`. */
export function messageRoutes({ messages, sender }: MessageRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { before, limit } = context.req.valid("query");
    const page = await messages.list({ before, limit });
    if (!page) throw new ProblemError("not_found", `Cannot find message ${before}: it is not kept`);
    const last = page.messages.at(-1);
    if (page.hasMore && last) setCursorLink(context, last.id);
    return context.json({ items: page.messages.map(toMessageData) }, 200);
  });
  api.openapi(SEND, async (context) => {
    const { content, user_id: userId } = context.req.valid("json");
    const message = await sender.send({ content, userId }, context.get("principal"));
    return context.json(toMessageData(message), 201);
  });
  return api;
}
