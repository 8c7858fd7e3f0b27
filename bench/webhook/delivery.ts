import definitions from "@octokit/webhooks-examples" with { type: "json" };
import { createHmac } from "node:crypto";
import { PATH, SECRET } from "./hook.mjs";

/** The repository of the deliveries. */
export const REPOSITORY = "octo-org/octo-repo";
/** Eleven digits like GitHub's ids, so that all have the same length. */
export const FIRST_RUN = 20_000_000_000;

const encoder = new TextEncoder();

/**
 * Complete HTTP requests with signed deliveries of consecutive runs from `FIRST_RUN + from`. Creating them before the
 * measurement makes sending cheap.
 */
export function signedDeliveries(
  count: number,
  { from }: { readonly from: number },
): readonly Uint8Array<ArrayBuffer>[] {
  const parts = templateParts();
  return Array.from(
    { length: count },
    (_, at) => request(parts.join(`${FIRST_RUN + from + at}`), guid(from + at)),
  );
}

/** The longest `workflow_run` payload in GitHub's examples (20 KB, a completed run), split at the run id. */
function templateParts(): readonly string[] {
  const examples = definitions.find(({ name }) => name === "workflow_run")?.examples ?? [];
  const [longest = ""] = examples.map((each) => JSON.stringify(each))
    .sort((a, b) => b.length - a.length);
  const [, id = ""] = /\/actions\/runs\/(\d+)/.exec(longest) ?? [];
  if (id === "" || !longest.includes(`"full_name":"${REPOSITORY}"`)) {
    throw new Error(`expected a run of ${REPOSITORY} in the examples`);
  }
  return longest.split(id);
}

/** Version 1 like GitHub's GUIDs; consecutive ones are a millisecond apart. */
function guid(number: number): string {
  const time = 0x72d3162e + number * 10_000;
  return `${time.toString(16)}-cc78-11e3-81ab-4c9367dc0958`;
}

function request(payload: string, id: string): Uint8Array<ArrayBuffer> {
  const head = [
    `POST ${PATH} HTTP/1.1`,
    "Host: 127.0.0.1",
    "User-Agent: GitHub-Hookshot/044aadd",
    `Content-Length: ${encoder.encode(payload).length}`,
    "Accept: */*",
    "Content-Type: application/json",
    `X-GitHub-Delivery: ${id}`,
    "X-GitHub-Event: workflow_run",
    "X-GitHub-Hook-ID: 292430182",
    "X-GitHub-Hook-Installation-Target-ID: 79929171",
    "X-GitHub-Hook-Installation-Target-Type: repository",
    `X-Hub-Signature-256: sha256=${createHmac("sha256", SECRET).update(payload).digest("hex")}`,
    "\r\n",
  ];
  return encoder.encode(head.join("\r\n") + payload);
}
