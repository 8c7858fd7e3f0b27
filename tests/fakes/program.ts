import { fileURLToPath } from "node:url";
import { compile } from "../../deploy/compile.ts";
import { withTimeout } from "./wait.ts";

/** Long enough for a first start, which unpacks a hundred megabytes, on a busy machine. */
const TIMEOUT_MS = 20_000;
/** A network that drops packets must not block the tests. */
const DOWNLOAD_TIMEOUT_MS = 30_000;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = `${ROOT}.cache/test`;
const SOURCES = ["main.ts", "deno.json", "deno.lock", "src", "deploy"];

/** The lines of output of a process, as they arrive. */
export class OutputLines {
  readonly all: string[] = [];
  readonly ended: Promise<void>;
  #isEnded = false;
  #lineArrived = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = this.#read(stream);
  }

  get text(): string {
    return this.all.join("\n");
  }

  /** Resolves to the first line from number `from` on that matches `pattern`; fails after a time limit. */
  async find(pattern: RegExp, from = 0): Promise<RegExpMatchArray> {
    for (let i = from;; i++) {
      while (i >= this.all.length) {
        if (this.#isEnded) throw new Error(`Ended without ${pattern}: ${this.text}`);
        await withTimeout(this.#lineArrived.promise, `${pattern} after: ${this.text}`, TIMEOUT_MS);
      }
      const found = this.all[i]?.match(pattern);
      if (found) return found;
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.all.push(...lines);
      this.#notifyReaders();
    }
    if (rest !== "") this.all.push(rest);
    this.#isEnded = true;
    this.#notifyReaders();
  }

  #notifyReaders(): void {
    this.#lineArrived.resolve();
    this.#lineArrived = Promise.withResolvers();
  }
}

/** The built program as a separate process. `await using` ends it in any case. */
export class Program {
  readonly stdout: OutputLines;
  readonly stderr: OutputLines;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.stdout = new OutputLines(child.stdout);
    this.stderr = new OutputLines(child.stderr);
  }

  /** Starts `runwire ARGS` with only `environment` and the minimum, by default over a database in memory. */
  static async start(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Program> {
    return Program.run([await programPath(), ...args], environment);
  }

  /** Starts another command line in the same environment. */
  static run(
    [command = "", ...args]: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Program {
    const child = new Deno.Command(command, {
      args,
      cwd: FOLDER,
      clearEnv: true,
      env: { ...minimalEnvironment(), ...environment },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Program(child);
  }

  /** The whole output. */
  get output(): string {
    return `${this.stdout.text}\n${this.stderr.text}`;
  }

  /** Resolves to the URL of the server, for example `http://127.0.0.1:8080`, when it listens. */
  async url(): Promise<string> {
    const [, url = ""] = await this.stderr.find(/Listening on \\"(http:[^"\\]+)/);
    return url;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves to the exit code when the program has ended and its output is read; fails after `timeoutMs`. */
  async exit(timeoutMs = TIMEOUT_MS): Promise<number> {
    const { code } = await withTimeout(this.#child.status, "the program to end", timeoutMs);
    await withTimeout(Promise.all([this.stdout.ended, this.stderr.ended]), "the end of its output");
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.exit();
  }
}

/** Runs `runwire ARGS` to its end. */
export async function runProgram(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  await using program = await Program.start(args, environment);
  const code = await program.exit();
  return { code, stdout: program.stdout.text, stderr: program.stderr.text };
}

/** What every process needs: a PATH, a folder to unpack into, and a database. */
function minimalEnvironment(): Record<string, string> {
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    RUNWIRE_CACHE: `${FOLDER}/unpacked`,
    DATABASE_URL: "sqlite::memory:",
  };
}

/** The executable under test: `RUNWIRE_BINARY`, otherwise one that is built when the source is newer. */
export async function programPath(): Promise<string> {
  const given = Deno.env.get("RUNWIRE_BINARY");
  if (given) return await Deno.realPath(given);
  const path = `${FOLDER}/runwire`;
  await Deno.mkdir(FOLDER, { recursive: true });
  using lock = await Deno.open(`${FOLDER}/lock`, { create: true, write: true });
  // Only one of several concurrent test runs builds.
  await lock.lock(true);
  const mtimes = await Promise.all(SOURCES.map((name) => newestMtime(ROOT + name)));
  if (await newestMtime(path) < Math.max(...mtimes)) await build(path);
  return path;
}

/** Builds like a release; builds offline if the download that this needs fails. */
async function build(path: string): Promise<void> {
  await Deno.remove(`${FOLDER}/unpacked`, { recursive: true }).catch(() => {});
  const signal = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  if (await compile(path, { signal, stderr: "null" })) return;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}deploy/compile_offline.ts`, path],
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(`Cannot build the program to test: ${new TextDecoder().decode(stderr)}`);
  }
}

/** The time of the last change to a file or to any file of a folder, in ms since the epoch; 0 if it does not exist. */
async function newestMtime(path: string): Promise<number> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isDirectory) return info?.mtime?.getTime() ?? 0;
  const mtimes: Promise<number>[] = [];
  for await (const { name } of Deno.readDir(path)) mtimes.push(newestMtime(`${path}/${name}`));
  return Math.max(0, ...await Promise.all(mtimes));
}
