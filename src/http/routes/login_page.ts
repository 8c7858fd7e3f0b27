import type { Context } from "hono";
import { accepts } from "hono/accepts";
import { html } from "hono/html";
import { type ProblemError, problemResponse, problemStatus, problemTitle } from "../problem.ts";

/** Whether the client is a browser; programs ask for JSON. */
export function prefersHtml(context: Context): boolean {
  const type = accepts(context, {
    header: "Accept",
    supports: ["text/html", "application/json", "application/problem+json"],
    default: "text/html",
  });
  return type === "text/html";
}

/** The response to a failed sign-in: a page without scripts for browsers. */
export async function loginErrorResponse(
  context: Context,
  failure: ProblemError,
): Promise<Response> {
  const { code, message: detail, headers } = failure;
  if (!prefersHtml(context)) return problemResponse(context, code, { detail, headers });
  return await context.html(renderPage(problemTitle(code), detail), problemStatus(code), {
    ...headers,
    // Without a referrer browsers send `Origin: null` with the form: https://fetch.spec.whatwg.org/#append-a-request-origin-header
    "Referrer-Policy": "same-origin",
  });
}

function renderPage(title: string, detail: string) {
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title} - Runwire</title>
      </head>
      <body>
        <h1>${title}</h1>
        <p>${detail}.</p>
        <form method="post" action="../login"><button>Sign in</button></form>
      </body>
    </html>
  `;
}
