import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import manifest from "../../deno.json" with { type: "json" };
import { isKeyName, KEY_NAME_RULE } from "../account/new_key.ts";
import { type Permission, PERMISSIONS, ROLES } from "../account/permission.ts";
import { toErrorMessage, UsageError } from "../errors.ts";
import { formatVariables } from "../variables.ts";
import type { DeliveryState } from "../delivery/delivery.ts";
import { createRedactor } from "../redact.ts";
import { backfill } from "./backfill.ts";
import { copy, type CopyUrls } from "./copy.ts";
import { listDeliveries, redeliver, retryDelivery } from "./deliveries.ts";
import { demo } from "./demo.ts";
import { checkHealth } from "./health.ts";
import { createKeyCommand, type KeyOptions, listKeys, revokeKey } from "./keys.ts";
import { migrateDatabase } from "./migrate.ts";
import { writeAll } from "./print.ts";
import { serve } from "./serve.ts";
import { rebuild } from "./statistics.ts";
import { shutdownSignal } from "./shutdown_signal.ts";
import { DEFAULT_URL, watch } from "./watch.ts";

/** Exit codes: done, something failed, and what was asked for cannot be. */
const EXIT_OK = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command that `args` name, to its end; resolves to the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = buildProgram();
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === EXIT_OK) return EXIT_OK;
      printError(
        `Cannot run "runwire ${args.join(" ")}": allowed is ${allowedArguments(program, args)}`,
      );
      return EXIT_USAGE;
    }
    printError(toErrorMessage(error));
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

function buildProgram(): Command {
  const program = new Command("runwire")
    .description("Keeps a live picture of GitHub Actions, and streams it to any number of clients.")
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
    .argument("[url]", "where Runwire listens", DEFAULT_URL)
    .action((url: string) => watch(url, shutdownSignal()));
  program.command("health")
    .description("ask a Runwire how it is; exits with 1 when it cannot serve")
    .argument("[url]", "where it listens; by default as the variables say")
    .action((url: string | undefined) => checkHealth(url));
  program.command("migrate")
    .description("bring the database up to date")
    .action(() => migrateDatabase());
  program.command("copy")
    .description("copy everything into an empty database, while no Runwire serves from either")
    .requiredOption("--from <url>", "for example sqlite:./runwire.db")
    .option("--to <url>", "for example postgres://HOST/NAME; by default DATABASE_URL")
    .action((urls: CopyUrls) => copy(urls, shutdownSignal()));
  program.command("backfill")
    .description("bring the past runs of a repository in; goes on where it was interrupted")
    .argument("<repository>", "owner/name")
    .requiredOption("--since <days|date>", "for example 90d, or 2026-01-01")
    .action((repository: string, options: { since: string }) =>
      backfill(repository, options, shutdownSignal())
    );
  program.command("statistics")
    .description("look after what is counted of runs").helpCommand(false)
    .command("rebuild")
    .description("compute all of it anew; also while Runwire serves")
    .action(() => rebuild(shutdownSignal()));
  addDeliveryCommands(program.command("deliveries"));
  addKeyCommands(program.command("keys"));
  return program;
}

function addDeliveryCommands(deliveries: Command): void {
  deliveries.description("look after the webhooks that GitHub sent").helpCommand(false);
  deliveries.command("list")
    .description("show the latest")
    .addOption(new Option("--state <state>", "only those").choices(["waiting", "done", "parked"]))
    .addOption(new Option("--limit <number>", "how many").default(50).argParser(parseWholeNumber))
    .action((options: { state?: DeliveryState; limit: number }) =>
      listDeliveries({ state: options.state, limit: options.limit })
    );
  deliveries.command("retry")
    .description("apply a parked one again")
    .argument("<id>", "its X-GitHub-Delivery")
    .action((id: string) => retryDelivery(id));
  deliveries.command("redeliver")
    .description("ask GitHub for what it could not deliver in the last 3 days")
    .action(() => redeliver(shutdownSignal()));
}

function addKeyCommands(keys: Command): void {
  keys.description("look after the API keys of programs").helpCommand(false);
  keys.command("create")
    .description("make a key, and print it: this once")
    .requiredOption("--name <name>", "what it is for", parseKeyName)
    .addOption(new Option("--role <role>", "what it may do").choices(ROLES).default("member"))
    .option("--scopes <scopes>", `instead of a role: ${PERMISSIONS.join(",")}`, parseScopes)
    .option("--budget-cents <number>", "what its casts may cost a month", parseWholeNumber)
    .option("--expires <days|date>", "for example 90d, or 2027-01-01")
    .action((options: KeyOptions) => createKeyCommand(options));
  keys.command("list")
    .description("show all")
    .action(() => listKeys());
  keys.command("revoke")
    .description("let one no longer count")
    .argument("<id>", "its number in the list", parseWholeNumber)
    .action((id: number) => revokeKey(id));
}

function parseKeyName(text: string): string {
  if (isKeyName(text)) return text.trim();
  throw new InvalidArgumentError(`allowed is ${KEY_NAME_RULE}`);
}

function parseScopes(text: string): readonly Permission[] {
  const names = text.split(",").map((each) => each.trim());
  const scopes = PERMISSIONS.filter((permission) => names.includes(permission));
  if (scopes.length === new Set(names).size) return scopes;
  throw new InvalidArgumentError(`allowed are ${PERMISSIONS.join(", ")}, comma-separated`);
}

function parseWholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 to 999999 is allowed");
}

/** What may come after the commands that `args` name. */
function allowedArguments(program: Command, args: readonly string[]): string {
  let command = program;
  for (const name of args) {
    const next = command.commands.find((each) => each.name() === name);
    if (!next) break;
    command = next;
  }
  const help = command.createHelp();
  return [
    ...help.visibleCommands(command).map((each) => each.name()),
    ...help.visibleArguments(command).map((each) => `[${each.name()}]`),
    ...help.visibleOptions(command).map(describeOption),
  ].join(", ");
}

function describeOption({ long, argChoices }: Option): string {
  return argChoices ? `${long} ${argChoices.join("|")}` : `${long}`;
}

/** What was asked for may have a password in it. */
function printError(message: string): void {
  writeAll(Deno.stderr, `runwire: ${createRedactor([])(message)}\n`);
}
