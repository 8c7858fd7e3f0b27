import { OpenApiValidator } from "./openapi_validator.ts";

/** Validates every response that a test fetches from a Runwire server against the document of that server. */
class ResponseCheck {
  readonly #validators = new Map<string, OpenApiValidator>();
  /** Servers of a test have the same document, time and again. */
  readonly #validatorsByText = new Map<string, OpenApiValidator>();
  #fetch: typeof fetch | undefined;

  /** From now on a `fetch` fails that `url` answers in a way it does not document. */
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
    if (!validator || isUnlistedPage(url.pathname, validator)) return;
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
      `${method} ${url.pathname} answers what /openapi.json does not say: ${violation}`,
    );
  }
}

/** Whether a path is a page of the API reference that the document does not list. */
function isUnlistedPage(path: string, { routes }: OpenApiValidator): boolean {
  return /^\/docs(\/|$)/.test(path) && !routes.some(({ pattern }) => pattern.test(path));
}

/** One for all servers of a test run: there is one `fetch`. */
export const responseCheck = new ResponseCheck();
