import { type Api, newApi, NOT_MODIFIED } from "../api.ts";
import { etag } from "../etag.ts";
import { PUBLIC, SECURITY_SCHEMES } from "../security.ts";

const DESCRIPTION = `A live picture of GitHub Actions.

- Every answer comes from what is kept here; reading asks nothing of GitHub.
- Routes with two servers are both at the root and under \`/api/v1\`.
- Lists have pages: \`page\`, \`per_page\`, a \`Link\` header and \`total_count\`.
- Send the \`ETag\` of an answer back as \`If-None-Match\`: while nothing has changed, the answer is 304 without a body.
- While the database is away, and no login is configured, a read is answered as it was last, with its \`Age\` in seconds.
- An unknown parameter or a value that cannot be used is answered with 400. Every error is a problem of RFC 9457 with a stable \`code\`.
- Where a login is configured, every answer is for those alone who may have it: sign in by \`POST /login\`, or send \`Authorization: Bearer\` with an API key. Each route names the permission that it needs. What a caller may not see is answered as what does not exist.
- Times are RFC 3339. Every answer has an \`X-Request-Id\`.`;

const TAGS = [
  { name: "runs", description: "What GitHub Actions did" },
  { name: "workflows", description: "What runs are runs of" },
  { name: "repositories", description: "What is followed" },
  { name: "statistics", description: "Figures over many runs" },
  { name: "accounts", description: "Who asks" },
  { name: "messages", description: "What clients say to each other" },
  { name: "live", description: "What happens now" },
  { name: "webhooks", description: "What GitHub tells us" },
  { name: "health", description: "How we are" },
  { name: "reference", description: "What you read here" },
];

/** `GET /openapi.json`: what `document` gives, which was made beforehand, for that takes too long while others wait. */
export function openApiRoutes({ document }: { readonly document: () => string }): Api {
  const routes = newApi();
  routes.openAPIRegistry.registerPath({
    method: "get",
    path: "/openapi.json",
    tags: ["reference"],
    ...PUBLIC,
    summary: "Describe the API as OpenAPI 3.1",
    responses: {
      200: {
        description: "https://spec.openapis.org/oas/v3.1.1.html",
        content: { "application/json": { schema: { type: "object" } } },
      },
      ...NOT_MODIFIED,
    },
  });
  routes.use("/openapi.json", etag());
  routes.get(
    "/openapi.json",
    (context) => context.body(document(), 200, { "Content-Type": "application/json" }),
  );
  return routes;
}

/** Everything that `api` answers, by the definitions of its routes. */
export function buildDocument(api: Api, version: string): string {
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES)) {
    api.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  const document = api.getOpenAPI31Document({
    openapi: "3.1.1",
    info: { title: "Runwire", version, description: DESCRIPTION, license: { name: "MIT" } },
    tags: TAGS,
  }, { sortComponents: "alphabetically" });
  return JSON.stringify(document);
}
