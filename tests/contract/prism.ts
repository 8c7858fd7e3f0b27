/** Exact, because tests depend on the responses of Prism. */
const PRISM = "npm:@stoplight/prism-cli@5.16.0";

/** The first start downloads the 160 packages of Prism. */
const START_TIMEOUT_MS = 120_000;

/**
 * Prism, serving GitHub's description on 127.0.0.1: it responds with the published examples, and with an error to requests that
 * the description does not allow. It needs only Deno, and its own folder for `node_modules`.
 */
export class Prism {
  readonly #process: Deno.ChildProcess;
  readonly url: string;

  private constructor(process: Deno.ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Resolves when it responds. */
  static async start(): Promise<Prism> {
    const folder = new URL("../../.cache/prism/", import.meta.url);
    await Deno.mkdir(folder, { recursive: true });
    const description = new URL("./github_openapi.json", import.meta.url).pathname;
    const port = freePort();
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "-A", "--no-config", "--no-lock", "--node-modules-dir=auto", PRISM],
        ...["mock", "--host=127.0.0.1", `--port=${port}`, "--errors", description],
      ],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const prism = new Prism(process, `http://127.0.0.1:${port}`);
    try {
      await prism.#waitUntilReady();
    } catch (error) {
      await prism[Symbol.asyncDispose]();
      throw error;
    }
    return prism;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    await this.#process.status;
  }

  async #waitUntilReady(): Promise<void> {
    let ended = false;
    void this.#process.status.then(() => ended = true);
    const until = Date.now() + START_TIMEOUT_MS;
    while (!await isReachable(this.url)) {
      if (ended) throw new Error("Prism ended instead of listening");
      if (Date.now() > until) throw new Error(`Prism does not answer after ${START_TIMEOUT_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function isReachable(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
