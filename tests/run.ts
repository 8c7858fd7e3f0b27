/**
 * Runs a tier of the tests: `deno run -A tests/run.ts short|long [ARGUMENTS]`. The arguments go to `deno test`; paths among
 * them replace the files of the tier. The last line is that of `deno test`; a tier that needs several runs has one such line
 * for each of them.
 */
import { programPath } from "./fakes/program.ts";
import { describeServices } from "./services.ts";

interface Tier {
  readonly title: string;
  readonly duration: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Files that fail when other tests take the CPU; each one runs after the others, by itself. */
  readonly alone: readonly string[];
  /** The number of files that run at the same time, unless DENO_JOBS overrides it. */
  readonly jobs: number;
}

const TIERS: Readonly<Record<string, Tier>> = {
  short: {
    title: "Short tier: all tests except tests/long",
    duration: "about 3 minutes on two cores",
    include: ["tests/"],
    exclude: ["tests/long/"],
    alone: [],
    jobs: 3,
  },
  long: {
    title: "Long tier: outages, kills and clusters (tests/long)",
    duration: "about 2 minutes on two cores",
    include: ["tests/long/"],
    exclude: [],
    alone: ["tests/long/kill_test.ts"],
    // Most of these tests wait.
    jobs: 4,
  },
};

/** Folders whose tests start the built program. */
const PROCESS_FOLDERS = ["tests/process", "tests/long"];
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

async function run(tier: Tier, args: readonly string[]): Promise<number> {
  const jobs = Deno.env.get("DENO_JOBS") ?? String(tier.jobs);
  const paths = args.filter((arg, index) => args[index - 1] !== "--filter" && isPath(arg));
  if (paths.length > 0) print(`Tests in ${paths.join(", ")}`);
  else print(`${tier.title}, ${tier.duration}, ${jobs} files at a time (DENO_JOBS)`);
  for (const line of await describeServices()) print(line);
  if (paths.length === 0 || paths.some(needsProgram)) await buildProgram();
  print("Checking types, then running the tests");
  if (paths.length > 0) return await runDeno(args, jobs);
  const ignored = [...tier.exclude, ...tier.alone];
  const ignore = ignored.length > 0 ? [`--ignore=${ignored.join()}`] : [];
  let exitCode = await runDeno([...args, ...ignore, ...tier.include], jobs);
  for (const file of tier.alone) {
    if (exitCode === EXIT_INTERRUPTED) break;
    print(`Running ${file} by itself`);
    exitCode = Math.max(exitCode, await runDeno([...args, file], "1"));
  }
  return exitCode;
}

/** Builds the program before the tests start, so that no test waits for it. */
async function buildProgram(): Promise<void> {
  print("Building the program under test if the source has changed (up to 60 s)");
  const start = Date.now();
  const path = await programPath();
  print(`Built or found ${path} in ${((Date.now() - start) / 1_000).toFixed(1)} s`);
}

/** Runs `deno test ARGS`, which writes to this terminal; resolves to its exit code. */
async function runDeno(args: readonly string[], jobs: string): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", "--parallel", ...args],
    env: { DENO_JOBS: jobs },
    stdin: "null",
  }).spawn();
  let isInterrupted = false;
  const onSignal = () => {
    isInterrupted = true;
    child.kill("SIGINT");
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, onSignal);
  const { code } = await child.status;
  for (const signal of SIGNALS) Deno.removeSignalListener(signal, onSignal);
  return isInterrupted ? EXIT_INTERRUPTED : code;
}

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];

/** Whether an argument is the path of a file or a folder, also of one that does not exist. */
function isPath(arg: string): boolean {
  if (arg.startsWith("-")) return false;
  if (arg.includes("/")) return true;
  try {
    Deno.statSync(arg);
    return true;
  } catch {
    return false;
  }
}

/** Whether tests at `path` may start the built program. */
function needsProgram(path: string): boolean {
  const normalized = path.replace(/^\.\//, "").replace(/\/+$/, "");
  return PROCESS_FOLDERS.some((folder) =>
    normalized.startsWith(folder) || folder.startsWith(normalized)
  );
}

/** Writes to standard error immediately: standard output only has the results. */
function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  const [name = "", ...args] = Deno.args;
  const tier = TIERS[name];
  if (!tier) {
    print(`Unknown tier "${name}": expected ${Object.keys(TIERS).join(", ")}`);
    Deno.exit(EXIT_USAGE);
  }
  Deno.exit(await run(tier, args));
}
