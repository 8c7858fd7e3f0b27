import { type Api, MALFORMED_REQUEST, newApi, NOT_MODIFIED } from "../api.ts";
import { etag } from "../etag.ts";
import { PUBLIC, SECURITY_SCHEMES } from "../security.ts";

const DESCRIPTION = `Tracks GitHub Actions runs and streams them to clients.

- Every response comes from Runwire's own storage; reading sends no requests to GitHub.
- Routes that list two servers are available at the root and under \`/api/v1\`.
- Lists are paginated: \`page\`, \`per_page\`, a \`Link\` header and \`total_count\`.
- Send the \`ETag\` of a response as \`If-None-Match\`: if nothing has changed, the response is 304 without a body.
- If the database is unavailable and sign-in is not configured, a read returns its last response, with its \`Age\` in seconds.
- Unknown parameters and invalid values are rejected with 400. Every error is a problem as RFC 9457 defines it, with a stable \`code\`.
- If sign-in is configured, requests must be authenticated: sign in with \`POST /login\`, or send an API key as \`Authorization: Bearer\`. Each route names the permission it requires. What a caller may not see is reported as not found.
- Times are RFC 3339. Every response has an \`X-Request-Id\`.`;

const TAGS = [
  { name: "runs", description: "Workflow runs" },
  { name: "workflows", description: "Workflows" },
  { name: "repositories", description: "Followed repositories" },
  { name: "statistics", description: "Run statistics" },
  { name: "accounts", description: "Authentication" },
  { name: "messages", description: "Chat messages" },
  { name: "live", description: "Live events" },
  { name: "webhooks", description: "GitHub webhooks" },
  { name: "health", description: "Health" },
  { name: "reference", description: "API reference" },
];

/** `GET /openapi.json`. `document` returns a text built at start, because building it blocks the event loop too long. */
export function openApiRoutes({ document }: { readonly document: () => string }): Api {
  const api = newApi();
  api.openAPIRegistry.registerPath({
    operationId: "getOpenApi",
    method: "get",
    path: "/openapi.json",
    tags: ["reference"],
    ...PUBLIC,
    summary: "Get this API description as OpenAPI 3.1",
    responses: {
      200: {
        description: "https://spec.openapis.org/oas/v3.1.1.html",
        content: { "application/json": { schema: { type: "object" } } },
      },
      ...NOT_MODIFIED,
      ...MALFORMED_REQUEST,
    },
  });
  api.use("/openapi.json", etag());
  api.get(
    "/openapi.json",
    (context) => context.body(document(), 200, { "Content-Type": "application/json" }),
  );
  return api;
}

/** The OpenAPI document of all definitions in `api`, except those marked UNLISTED. */
export function buildDocument(api: Api, version: string): string {
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES)) {
    api.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  const { paths = {}, ...document } = api.getOpenAPI31Document({
    openapi: "3.1.1",
    info: {
      title: "Runwire",
      version,
      description: DESCRIPTION,
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
    },
    servers: [{ url: "/" }],
    tags: TAGS,
  }, { sortComponents: "alphabetically" });
  const listed = Object.entries(paths).filter(([, operations]) => !operations.get?.["x-internal"]);
  return JSON.stringify({ ...document, paths: Object.fromEntries(listed) });
}
