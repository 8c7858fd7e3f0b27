import type { Span } from "@opentelemetry/api";

type SetAttribute = Span["setAttribute"];

/**
 * Keeps the queries of addresses out of all spans from now on: they can hold a ticket, or the code of a login. Deno 2.9.6
 * writes them into the spans that it makes, and what is there is not replaced by what is set later.
 * @param span any of those that Deno makes
 */
export function leaveOutQueries(span: Span): void {
  const kind: { setAttribute: SetAttribute } = Object.getPrototypeOf(span);
  const set: SetAttribute = kind.setAttribute;
  kind.setAttribute = function (this: Span, key, value) {
    if (key === "url.query") return this;
    const isAddress = key === "url.full" && typeof value === "string";
    return set.call(this, key, isAddress ? value.replace(/[?#].*$/s, "") : value);
  };
}
