import script from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "text" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "text" };
import { secureHeaders } from "hono/secure-headers";
import { type Api, newApi, UNLISTED } from "../api.ts";
import { etag } from "../etag.ts";
import { PUBLIC } from "../security.ts";

/** The page loads files of this server only, has no inline scripts, and cannot be framed. */
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
  // The proxy that terminates TLS sets it.
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
<body><div id="reference"></div><noscript>The API description is <a href="openapi.json">openapi.json</a>.</noscript></body>
</html>
`;

/**
 * URLs are relative to the page, because a proxy may serve it under any path. Swagger UI fills every parameter with its
 * example, and all of them together match nothing, so the page shows examples of optional parameters in their descriptions.
 */
const START = `function describeExamples(operation) {
  for (const parameter of operation.parameters ?? []) {
    const { example } = parameter.schema ?? {};
    if (parameter.required || example === undefined) continue;
    parameter.description = (parameter.description ?? "") + ", for example " + example;
    delete parameter.schema.example;
  }
}
const withoutPrefill = (update) => (spec) => {
  for (const path of Object.values(spec.paths ?? {})) Object.values(path).forEach(describeExamples);
  return update(spec);
};
SwaggerUIBundle({
  plugins: [{ statePlugins: { spec: { wrapActions: { updateJsonSpec: withoutPrefill } } } }],
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

/** `GET /docs` and its files: the API reference. */
export function docsRoutes(): Api {
  const api = newApi();
  for (const { path, type, text } of ASSETS) {
    api.openAPIRegistry.registerPath({
      method: "get",
      path,
      ...PUBLIC,
      ...UNLISTED,
      responses: { 200: { description: "The file" } },
    });
    api.use(path, secureHeaders(SECURITY), etag());
    api.get(path, (context) => context.body(text, 200, { "Content-Type": type }));
  }
  return api;
}
