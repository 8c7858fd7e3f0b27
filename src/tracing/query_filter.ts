import type { Span } from "@opentelemetry/api";

type SetAttribute = Span["setAttribute"];

/**
 * Removes the query of URLs from all later spans: it can contain a ticket or a login code. Deno 2.9.6 adds it to its own spans,
 * and attributes set later do not replace it.
 * @param span any span of Deno
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
