import { ApiDocument } from "./api_document.ts";

/** Holds every answer that a test fetches from a server of ours against the document of that server. */
class AnswerCheck {
  readonly #documents = new Map<string, ApiDocument>();
  /** Servers of a test have the same document, time and again. */
  readonly #known = new Map<string, ApiDocument>();
  #fetch: typeof fetch | undefined;

  /** From now on a `fetch` fails that `url` answers in a way it does not document. */
  async watch(url: string): Promise<void> {
    this.#fetch ??= this.#replaceFetch();
    const text = await (await this.#fetch(`${url}/openapi.json`)).text();
    const document = this.#known.get(text) ?? new ApiDocument(JSON.parse(text));
    this.#known.set(text, document);
    this.#documents.set(new URL(url).origin, document);
  }

  forget(url: string): void {
    this.#documents.delete(new URL(url).origin);
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
    const document = this.#documents.get(url.origin);
    if (!document) return;
    const { status, headers } = response;
    const contentType = headers.get("content-type");
    const hasBody = method !== "HEAD" && /[/+]json$/.test(contentType ?? "");
    const complaint = document.complaint({
      method,
      path: url.pathname,
      status,
      contentType,
      body: hasBody ? await response.clone().json() : undefined,
    });
    if (complaint === undefined) return;
    await response.body?.cancel();
    throw new Error(
      `${method} ${url.pathname} answers what /openapi.json does not say: ${complaint}`,
    );
  }
}

/** One for all servers of a test run: there is one `fetch`. */
export const answerCheck = new AnswerCheck();
