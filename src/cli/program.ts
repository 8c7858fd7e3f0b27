import { Command, CommanderError, Option } from "commander";
import manifest from "../../deno.json" with { type: "json" };
import { isKeyName, KEY_NAME_RULE } from "../account/api_key.ts";
import { type Permission, PERMISSIONS, ROLES } from "../account/permission.ts";
import type { DeliveryState } from "../delivery/delivery.ts";
import { invalidValue } from "../error_text.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import { createRedactor } from "../redact.ts";
import { formatVariables } from "../variables.ts";
import { backfill } from "./backfill.ts";
import { copy, type CopyUrls } from "./copy.ts";
import { listDeliveries, redeliver, retryDelivery } from "./deliveries.ts";
import { demo } from "./demo.ts";
import { checkHealth } from "./health.ts";
import { createKeyCommand, type KeyOptions, listKeys, revokeKey } from "./keys.ts";
import { migrateDatabase } from "./migrate.ts";
import { writeAll } from "./print.ts";
import { serve } from "./serve.ts";
import { shutdownSignal } from "./shutdown_signal.ts";
import { rebuild } from "./statistics.ts";
import { DEFAULT_URL, watch } from "./watch.ts";

const EXIT_OK = 0;
const EXIT_FAILED = 1;
/** Invalid arguments or configuration. */
const EXIT_USAGE = 2;

/** Runs the command named by `args`; resolves to the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === EXIT_OK) return EXIT_OK;
      const command = `runwire ${args.join(" ")}`;
      printError(invalidValue("command", command, expectedArguments(program, args)));
      return EXIT_USAGE;
    }
    printError(toErrorMessage(error));
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

function buildProgram(): Command {
  const program = new Command("runwire")
    .description("Tracks GitHub Actions runs and streams them to any number of clients.")
    .version(manifest.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText(
      "after",
      `\nVariables:\n${formatVariables()}`,
    );
  program.command("serve", { isDefault: true })
    .description("follow GitHub and serve clients (the default)")
    .action(() => serve(shutdownSignal()));
  program.command("demo")
    .description("serve a simulated GitHub: no account, no network")
    .action(() => demo(shutdownSignal()));
  program.command("watch")
    .description("show a live table of runs in this terminal")
    .argument("[url]", "URL of the server", DEFAULT_URL)
    .action((url: string) => watch(url, shutdownSignal()));
  program.command("health")
    .description("check the health of a server; exits with 1 if unhealthy")
    .argument("[url]", "URL of the server (default: from the environment)")
    .action((url: string | undefined) => checkHealth(url));
  program.command("migrate")
    .description("run pending migrations")
    .action(() => migrateDatabase());
  program.command("copy")
    .description("copy all data into an empty database (stop all servers first)")
    .requiredOption("--from <url>", "for example sqlite:./runwire.db")
    .option("--to <url>", "for example postgres://HOST/NAME (default: DATABASE_URL)")
    .action((urls: CopyUrls) => copy(urls, shutdownSignal()));
  program.command("backfill")
    .description("import past runs of a repository; resumes after an interruption")
    .argument("<repository>", "owner/name")
    .requiredOption("--since <days|date>", "for example 90d, or 2026-01-01")
    .action((repository: string, options: { since: string }) =>
      backfill(repository, options, shutdownSignal())
    );
  program.command("statistics")
    .description("manage statistics").helpCommand(false)
    .command("rebuild")
    .description("recompute all statistics (safe while the server runs)")
    .action(() => rebuild(shutdownSignal()));
  addDeliveryCommands(program.command("deliveries"));
  addKeyCommands(program.command("keys"));
  return program;
}

function addDeliveryCommands(deliveries: Command): void {
  deliveries.description("manage webhook deliveries").helpCommand(false);
  deliveries.command("list")
    .description("list the latest deliveries")
    .addOption(
      new Option("--state <state>", "only deliveries in this state").choices([
        "waiting",
        "done",
        "parked",
      ]),
    )
    .addOption(
      new Option("--limit <number>", "maximum number of deliveries").default(50).argParser(
        integerOption("--limit"),
      ),
    )
    .action((options: { state?: DeliveryState; limit: number }) =>
      listDeliveries({ state: options.state, limit: options.limit })
    );
  deliveries.command("retry")
    .description("retry a parked delivery")
    .argument("<id>", "X-GitHub-Delivery header of the delivery")
    .action((id: string) => retryDelivery(id));
  deliveries.command("redeliver")
    .description("redeliver failed webhooks of the last 3 days")
    .action(() => redeliver(shutdownSignal()));
}

function addKeyCommands(keys: Command): void {
  keys.description("manage API keys").helpCommand(false);
  keys.command("create")
    .description("create a key and print it once")
    .requiredOption("--name <name>", "name of the key", parseKeyName)
    .addOption(new Option("--role <role>", "role of the key").choices(ROLES).default("member"))
    .option(
      "--scopes <scopes>",
      `permissions, overriding the role: ${PERMISSIONS.join(",")}`,
      parseScopes,
    )
    .option(
      "--budget-cents <number>",
      "monthly cast budget, in cents",
      integerOption("--budget-cents"),
    )
    .option("--expires <days|date>", "for example 90d, or 2027-01-01")
    .action((options: KeyOptions) => createKeyCommand(options));
  keys.command("list")
    .description("list all keys")
    .action(() => listKeys());
  keys.command("revoke")
    .description("revoke a key")
    .argument("<id>", "key id", integerOption("key id"))
    .action((id: number) => revokeKey(id));
}

function parseKeyName(text: string): string {
  if (isKeyName(text)) return text.trim();
  throw new UsageError(invalidValue("--name", text, KEY_NAME_RULE));
}

function parseScopes(text: string): readonly Permission[] {
  const names = text.split(",").map((each) => each.trim());
  const scopes = PERMISSIONS.filter((permission) => names.includes(permission));
  if (scopes.length === new Set(names).size) return scopes;
  const expected = `a comma-separated list of ${PERMISSIONS.join(", ")}`;
  throw new UsageError(invalidValue("--scopes", text, expected));
}

function integerOption(name: string): (text: string) => number {
  return (text) => {
    if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
    throw new UsageError(invalidValue(name, text, "an integer from 1 to 999999"));
  };
}

/** The commands, arguments and options accepted by the command named by `args`. */
function expectedArguments(program: Command, args: readonly string[]): string {
  let command = program;
  for (const name of args) {
    const next = command.commands.find((each) => each.name() === name);
    if (!next) break;
    command = next;
  }
  const help = command.createHelp();
  return [
    ...help.visibleCommands(command).map((each) => each.name()),
    ...help.visibleArguments(command).map((each) =>
      each.required ? `<${each.name()}>` : `[${each.name()}]`
    ),
    ...help.visibleOptions(command).map(describeOption),
  ].join(", ");
}

function describeOption({ long, argChoices }: Option): string {
  return argChoices ? `${long} ${argChoices.join("|")}` : `${long}`;
}

/** Redacts secrets: an argument can contain a password. */
function printError(message: string): void {
  writeAll(Deno.stderr, `runwire: ${createRedactor([])(message)}\n`);
}
