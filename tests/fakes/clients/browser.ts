/** A browser at one server: it stores cookies and sends requests as pages of that server do. */
export class Browser {
  /** The values by name. */
  readonly cookies = new Map<string, string>();
  /** Every received `Set-Cookie` header. */
  readonly setCookieHeaders: string[] = [];

  constructor(readonly url: string) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return await this.#fetch("GET", path, { headers });
  }

  async request(method: string, path: string, body?: unknown): Promise<Response> {
    return await this.#fetch(method, path, {
      headers: {
        origin: this.url,
        "sec-fetch-site": "same-origin",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Follows `POST /login` to GitHub's consent page. Resolves to the callback URL. */
  async startSignIn(returnTo?: string): Promise<string> {
    const query = returnTo === undefined ? "" : `?return_to=${encodeURIComponent(returnTo)}`;
    const loginResponse = await this.request("POST", `/login${query}`);
    await loginResponse.body?.cancel();
    if (loginResponse.status !== 303) {
      throw new Error(`POST /login answered ${loginResponse.status}`);
    }
    return await fetchConsentRedirect(loginResponse.headers.get("location") ?? "");
  }

  /** Signs in. Resolves to the response of `/login/callback`. */
  async signIn(returnTo?: string): Promise<Response> {
    return await this.finishSignIn(await this.startSignIn(returnTo));
  }

  /** Requests the callback URL. */
  async finishSignIn(callback: string): Promise<Response> {
    const { pathname, search } = new URL(callback);
    return await this.get(pathname + search, { accept: "text/html" });
  }

  /** The `Cookie` header. */
  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async #fetch(
    method: string,
    path: string,
    { headers, body }: { readonly headers: Record<string, string>; readonly body?: string },
  ): Promise<Response> {
    const response = await fetch(this.url + path, {
      method,
      redirect: "manual",
      headers: { ...headers, ...(this.cookies.size > 0 ? { cookie: this.cookie } : {}) },
      ...(body === undefined ? {} : { body }),
    });
    for (const line of response.headers.getSetCookie()) this.#storeCookie(line);
    return response;
  }

  #storeCookie(line: string): void {
    this.setCookieHeaders.push(line);
    const [pair = ""] = line.split(";");
    const [name = "", value = ""] = [
      pair.slice(0, pair.indexOf("=")),
      pair.slice(pair.indexOf("=") + 1),
    ];
    if (/max-age=0(;|$)/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

/** The URL that GitHub's consent page redirects to. */
export async function fetchConsentRedirect(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual" });
  await response.body?.cancel();
  return response.headers.get("location") ?? "";
}

/** The status of a response, and its error code or the login of its user. */
export async function statusAndCode(pending: Promise<Response>): Promise<unknown[]> {
  const response = await pending;
  const text = await response.text();
  if (!/json/.test(response.headers.get("content-type") ?? "")) return [response.status];
  const { code, user } = JSON.parse(text);
  return [response.status, code ?? user?.login];
}

/** The user that is signed in: status, and login or error code. */
export function fetchCurrentUser(browser: Browser): Promise<unknown[]> {
  return statusAndCode(browser.get("/api/v1/me"));
}
