/** A child process that ends with its scope. */
export class ChildProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string, void>;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#lines = readLines(process.stdout);
  }

  /**
   * @param files limit of open files
   * @param core CPU list for `taskset`, if installed
   */
  static start(
    command: readonly string[],
    options: { readonly files: number; readonly core: number | string },
  ): ChildProcess {
    // With `exec` the process id is that of the program.
    const script = `ulimit -n ${options.files}
      if command -v taskset >/dev/null; then exec taskset -c ${options.core} "$@"; else exec "$@"; fi`;
    const process = new Deno.Command("sh", {
      args: ["-c", script, "sh", ...command],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new ChildProcess(process);
  }

  get pid(): number {
    return this.#process.pid;
  }

  async write(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Reads the next line of standard output. */
  async read(timeoutMs: number): Promise<string> {
    const next = await withTimeout(timeoutMs, this.#lines.next());
    if (next?.done === false) return next.value;
    throw new Error(
      next ? "the process ended without output" : `no output of the process for ${timeoutMs} ms`,
    );
  }

  /** Closes standard input, which ends every benchmark process; kills it after 3 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    if (!await withTimeout(3_000, this.#process.status)) {
      this.#process.kill("SIGKILL");
      await this.#process.status;
    }
    await this.#lines.return();
  }
}

/** Resolves to `undefined` after `timeoutMs`. */
async function withTimeout<T>(timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
  const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, timeoutMs, undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function* readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
