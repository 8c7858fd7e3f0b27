import type { Span } from "@opentelemetry/api";

type SetAttribute = Span["setAttribute"];

/**
 * Keeps the queries of addresses out of all spans from now on: they can hold a ticket, or the code of a login. Deno 2.9.6
 * writes them into the spans that it makes, and what is there is not replaced by what is set later.
 * @param span any of those that Deno makes
 */
export function stripUrlQueries(span: Span): void {
  const prototype: { setAttribute: SetAttribute } = Object.getPrototypeOf(span);
  const original: SetAttribute = prototype.setAttribute;
  prototype.setAttribute = function (this: Span, key, value) {
    if (key === "url.query") return this;
    const isAddress = key === "url.full" && typeof value === "string";
    return original.call(this, key, isAddress ? value.replace(/[?#].*$/s, "") : value);
  };
}
