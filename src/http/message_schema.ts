import { z } from "@hono/zod-openapi";
import { CONTENT_RULE, isValidContent, isValidUserId, USER_ID_RULE } from "../message/message.ts";
import { bodySchema } from "./api.ts";

export const MessageSchema = z.object({
  id: z.uuid().openapi({ example: "0b2c0f3e-5a55-4c53-9d7c-3c1d6d1f0a11" }),
  content: z.string().openapi({ example: "Deploying storefront, please hold your merges" }),
  user_id: z.string().openapi({ example: "octocat" }),
  created_at: z.iso.datetime().openapi({ example: "2026-01-01T12:00:00.000Z" }),
}).openapi("Message");

/** What is said, by `POST /api/v1/messages` and in a frame of `/ws` alike. */
export const NewMessageSchema = bodySchema({
  content: z.string({ error: CONTENT_RULE }).refine(isValidContent, CONTENT_RULE).openapi({
    minLength: 1,
    maxLength: 4_000,
    example: "Deploying storefront, please hold your merges",
  }),
  user_id: z.string({ error: USER_ID_RULE }).refine(isValidUserId, USER_ID_RULE).optional().openapi(
    {
      minLength: 1,
      maxLength: 100,
      description: "Who says it. Of who has signed in it is the login, whatever is given here",
      example: "deploy-robot",
    },
  ),
});
