import type { ResponseCache, ResponsePage } from "./response_cache.ts";
import type { GitHubResponse } from "./transport.ts";

/** The largest page that GitHub returns. */
const PAGE_SIZE = 100;

/** 10,000 items: a list whose end GitHub never reports ends here. */
const MAX_PAGES = 100;

/** Fills the template of a path; other parameters become the query (GET) or the JSON body. */
type RequestParameters = Readonly<Record<string, unknown>>;

export interface RequestOptions {
  readonly parameters?: RequestParameters;
  readonly signal: AbortSignal;
  /** Authenticate as the App by its JWT, not as its installation; ignored if the credential is a token. */
  readonly asApp?: boolean;
  /** The path belongs to the credential: GitHub rejects the credential if it answers 403 or 404. */
  readonly isCredentialCheck?: boolean;
  /** Send the request only while more than this share of the rate limit is left and GitHub asks for no pause. */
  readonly reservedShare?: number;
}

/** Sends requests to GitHub. It neither waits nor retries. */
export abstract class GitHubClient {
  /** Whether the credential is that of an App's installation, which has repositories but is no user. */
  abstract readonly isInstallation: boolean;

  /**
   * Returns one page, requested with the ETag of the last response to the same credential and parsed again only if it has
   * changed. `path` is a template (`/repos/{owner}/{repo}`) or the `next` of a page.
   * @throws {GitHubError} when GitHub refuses, does not answer in time, or not as it documents
   */
  abstract get<T>(
    cache: ResponseCache<T>,
    path: string,
    options: RequestOptions,
  ): Promise<ResponsePage<T>>;

  /**
   * Sends one POST request and returns the response (2xx).
   * @throws {GitHubError} when GitHub refuses, or does not answer in time: it may have been done all the same
   */
  abstract post(path: string, options: RequestOptions): Promise<GitHubResponse>;

  /** Sends one DELETE request. Throws as `post` does. */
  abstract delete(path: string, options: RequestOptions): Promise<void>;

  /**
   * Returns the first `count` items of a list, or fewer if it has fewer.
   * @throws {GitHubError} as `get` does
   */
  async list<T>(
    cache: ResponseCache<readonly T[]>,
    path: string,
    options: RequestOptions & { readonly count: number },
  ): Promise<readonly T[]> {
    const { count, parameters, ...rest } = options;
    const per_page = Math.min(count, PAGE_SIZE);
    const items: T[] = [];
    for await (
      const page of this.pages(cache, path, { parameters: { ...parameters, per_page }, ...rest })
    ) {
      items.push(...page);
      if (items.length >= count) break;
    }
    return items.slice(0, count);
  }

  /**
   * Iterates over the pages of a list, of PAGE_SIZE unless `parameters` say otherwise. Each page is requested when the
   * iterator reaches it.
   * @throws {GitHubError} as `get` does
   */
  async *pages<T>(
    cache: ResponseCache<readonly T[]>,
    path: string,
    { parameters, ...options }: RequestOptions,
  ): AsyncGenerator<readonly T[]> {
    const firstParameters = { ...parameters, per_page: parameters?.["per_page"] ?? PAGE_SIZE };
    let next: string | undefined = path;
    for (let page = 0; next !== undefined && page < MAX_PAGES; page++) {
      const response: ResponsePage<readonly T[]> = await this.get(cache, next, {
        ...options,
        parameters: page === 0 ? firstParameters : {},
      });
      yield response.value;
      next = response.next;
    }
  }
}
