/** A browser at one server: it keeps cookies, and says that its requests come from a page of that server. */
export class Browser {
  /** By name, as the server set them. */
  readonly cookies = new Map<string, string>();
  /** Every `Set-Cookie` that came, whole. */
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

  /** Goes from `POST /login` to GitHub, which asks for consent. Resolves to where GitHub sends it back to. */
  async startSignIn(returnTo?: string): Promise<string> {
    const query = returnTo === undefined ? "" : `?return_to=${encodeURIComponent(returnTo)}`;
    const loginResponse = await this.request("POST", `/login${query}`);
    await loginResponse.body?.cancel();
    if (loginResponse.status !== 303) {
      throw new Error(`POST /login answered ${loginResponse.status}`);
    }
    return await fetchConsentRedirect(loginResponse.headers.get("location") ?? "");
  }

  /** Signs in, to the answer of `/login/callback`. */
  async signIn(returnTo?: string): Promise<Response> {
    return await this.finishSignIn(await this.startSignIn(returnTo));
  }

  /** Comes back to us. */
  async finishSignIn(callback: string): Promise<Response> {
    const { pathname, search } = new URL(callback);
    return await this.get(pathname + search, { accept: "text/html" });
  }

  /** What a WebSocket of a page of the server sends along. */
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

/** What GitHub's page of consent sends a browser back to. */
export async function fetchConsentRedirect(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual" });
  await response.body?.cancel();
  return response.headers.get("location") ?? "";
}

/** Status and code of an answer; of one about somebody the login. */
export async function statusAndCode(pending: Promise<Response>): Promise<unknown[]> {
  const response = await pending;
  const text = await response.text();
  if (!/json/.test(response.headers.get("content-type") ?? "")) return [response.status];
  const { code, user } = JSON.parse(text);
  return [response.status, code ?? user?.login];
}

/** Who it is that the server knows in a browser: status, and login or code. */
export function fetchCurrentUser(browser: Browser): Promise<unknown[]> {
  return statusAndCode(browser.get("/api/v1/me"));
}
