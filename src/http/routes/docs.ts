import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import { secureHeaders } from "hono/secure-headers";
import { type Api, newApi, NOT_MODIFIED } from "../api.ts";
import { etag } from "../etag.ts";
import { PUBLIC } from "../security.ts";

/** What the page loads comes from us, no script stands in the page itself, and no other page frames it. */
const SECURITY = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: "DENY",
  // Whether there is TLS is the proxy's to say.
  strictTransportSecurity: false,
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Runwire API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" defer></script>
</head>
<body><div id="reference"></div><noscript>The description is <a href="openapi.json">openapi.json</a>.</noscript></body>
</html>
`;

/** Addresses are relative to the page, which a proxy may have put anywhere. */
const START = `SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: false,
  displayRequestDuration: true,
});
`;

const ASSETS = [
  { path: "/docs", type: "text/html; charset=utf-8", text: PAGE },
  { path: "/docs/start.js", type: "text/javascript; charset=utf-8", text: START },
  { path: "/docs/swagger-ui-bundle.js", type: "text/javascript; charset=utf-8", text: script },
  { path: "/docs/swagger-ui.css", type: "text/css; charset=utf-8", text: style },
];

/** `GET /docs`: the reference, as a page that needs nobody but us. */
export function docsRoutes(): Api {
  const api = newApi();
  for (const { path, type, text } of ASSETS) {
    api.openAPIRegistry.registerPath({
      method: "get",
      path,
      tags: ["reference"],
      ...PUBLIC,
      summary: path === "/docs" ? "Read this reference" : "A part of this page",
      responses: {
        200: {
          description: "The text",
          content: { [type.split(";", 1)[0] ?? type]: { schema: { type: "string" } } },
        },
        ...NOT_MODIFIED,
      },
    });
    api.use(path, secureHeaders(SECURITY), etag());
    api.get(path, (context) => context.body(text, 200, { "Content-Type": type }));
  }
  return api;
}
