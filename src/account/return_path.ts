/** No URL needs more to lead back to a page of ours. */
const MAX_LENGTH = 2_000;
/** What browsers drop from a URL or take for a slash: https://url.spec.whatwg.org/#concept-basic-url-parser */
// deno-lint-ignore no-control-regex -- they are what is looked for
const UNSAFE_CHARACTERS = /[\u0000-\u0020\u007f\\]/;
const BASE_ORIGIN = "http://own.invalid";

/** Whether a browser that is sent to this path comes to a page of ours, and to nobody else's. */
export function isLocalPath(path: string): boolean {
  if (path.length > MAX_LENGTH || !path.startsWith("/") || UNSAFE_CHARACTERS.test(path)) {
    return false;
  }
  return URL.parse(path, BASE_ORIGIN)?.origin === BASE_ORIGIN;
}
