import { OpenApiValidator } from "./openapi_validator.ts";

/** Files of pages, which the document does not list. */
const PAGE_FILE = /^\/docs(\/|$)/;

/** Compares every response that a test fetches from a server under test with the document of that server. */
class ResponseCheck {
  readonly #validators = new Map<string, OpenApiValidator>();
  /** Servers of a test file share the same document. */
  readonly #validatorsByText = new Map<string, OpenApiValidator>();
  #fetch: typeof fetch | undefined;

  /** Makes `fetch` fail if the server at `url` sends a response that it does not document. */
  async watch(url: string): Promise<void> {
    this.#fetch ??= this.#replaceFetch();
    const text = await (await this.#fetch(`${url}/openapi.json`)).text();
    const validator = this.#validatorsByText.get(text) ?? new OpenApiValidator(JSON.parse(text));
    this.#validatorsByText.set(text, validator);
    this.#validators.set(new URL(url).origin, validator);
  }

  unwatch(url: string): void {
    this.#validators.delete(new URL(url).origin);
  }

  #replaceFetch(): typeof fetch {
    const original = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const response = await original(input, init);
      const url = new URL(input instanceof Request ? input.url : input);
      const method = init?.method ?? (input instanceof Request ? input.method : "GET");
      await this.#check(url, method, response);
      return response;
    };
    return original;
  }

  async #check(url: URL, method: string, response: Response): Promise<void> {
    const validator = this.#validators.get(url.origin);
    if (!validator || PAGE_FILE.test(url.pathname)) return;
    const { status, headers } = response;
    const contentType = headers.get("content-type");
    const hasBody = method !== "HEAD" && /[/+]json$/.test(contentType ?? "");
    const violation = validator.findViolation({
      method,
      path: url.pathname,
      status,
      contentType,
      body: hasBody ? await response.clone().json() : undefined,
    });
    if (violation === undefined) return;
    await response.body?.cancel();
    throw new Error(
      `${method} ${url.pathname} does not match /openapi.json: ${violation}`,
    );
  }
}

/** Shared by all servers of a test run, because there is one `fetch`. */
export const responseCheck = new ResponseCheck();
