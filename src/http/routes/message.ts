import { z } from "@hono/zod-openapi";
import {
  CONTENT_RULE,
  isValidContent,
  isValidUserId,
  type MessageStore,
  toMessageData,
  USER_ID_RULE,
} from "../../message/message.ts";
import type { MessageSender } from "../../message/sender.ts";
import { type Api, apiRoute, bodyRoute, jsonResponse, newApi } from "../api.ts";
import { okWithLinks, setCursorLink } from "../pagination.ts";
import { bodySchema, integerParam, paramsSchema, parsedParam, withDefault } from "../params.ts";
import { notFoundProblem } from "../problem.ts";
import { requires } from "../security.ts";
import { Timestamp } from "../timestamp.ts";

const MAX_LIMIT = 100;
/** RFC 9562, section 4. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const EXAMPLE_CONTENT = "Deploying storefront, please hold your merges";

const MessageSchema = z.object({
  id: z.uuid().openapi({ example: "0b2c0f3e-5a55-4c53-9d7c-3c1d6d1f0a11" }),
  content: z.string().openapi({ example: EXAMPLE_CONTENT }),
  user_id: z.string().openapi({ example: "octocat" }),
  created_at: Timestamp,
}).openapi("Message");

/** The body of `POST /api/v1/messages`, and a message from a client of `/ws`. */
export const NewMessageSchema = bodySchema({
  content: z.string({ error: CONTENT_RULE }).refine(isValidContent, CONTENT_RULE).openapi({
    minLength: 1,
    maxLength: 4_000,
    example: EXAMPLE_CONTENT,
  }),
  user_id: z.string({ error: USER_ID_RULE }).refine(isValidUserId, USER_ID_RULE).optional().openapi(
    {
      minLength: 1,
      maxLength: 100,
      description: "Author; for signed-in users always their login",
      example: "deploy-robot",
    },
  ),
}).openapi("NewMessage");

const LIST = apiRoute({
  operationId: "listMessages",
  tag: "messages",
  method: "get",
  path: "/api/v1/messages",
  access: requires("read"),
  summary: "List messages",
  description: "Newest first; `Link` has the URL of the previous messages.",
  query: paramsSchema({
    before: parsedParam((text) => UUID.test(text) ? text.toLowerCase() : undefined, {
      expected: "the id of a message",
      description: "Messages before this id",
      schema: { type: "string", format: "uuid" },
    }).optional(),
    limit: withDefault(
      integerParam({ min: 1, max: MAX_LIMIT, description: "Maximum number of messages" }),
      30,
    ),
  }),
  returns: okWithLinks(
    z.object({ items: z.array(MessageSchema) }).openapi("MessageList"),
    "Messages, newest first",
  ),
  problems: ["not_found"],
});

const CREATE = bodyRoute({
  operationId: "createMessage",
  tag: "messages",
  method: "post",
  path: "/api/v1/messages",
  access: requires("write"),
  summary: "Post a message",
  description: "Stored, then delivered to all clients in the same order.",
  body: NewMessageSchema,
  returns: { 201: jsonResponse(MessageSchema, "The stored message") },
});

interface MessageRoutesOptions {
  readonly messages: Pick<MessageStore, "list">;
  readonly sender: Pick<MessageSender, "send">;
}

/** `GET` and `POST /api/v1/messages`. */
export function messageRoutes({ messages, sender }: MessageRoutesOptions): Api {
  const api = newApi();
  api.openapi(LIST, async (context) => {
    const { before, limit } = context.req.valid("query");
    const page = await messages.list({ before, limit });
    if (!page) throw notFoundProblem("Message", before ?? "");
    const last = page.messages.at(-1);
    if (page.hasMore && last) setCursorLink(context, last.id);
    return context.json({ items: page.messages.map(toMessageData) }, 200);
  });
  api.openapi(CREATE, async (context) => {
    const { content, user_id: userId } = context.req.valid("json");
    const message = await sender.send({ content, userId }, context.get("principal"));
    return context.json(toMessageData(message), 201);
  });
  return api;
}
