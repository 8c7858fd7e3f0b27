import { Command, CommanderError } from "commander";
import manifest from "../../deno.json" with { type: "json" };
import { describeVariables } from "../config.ts";
import { messageOf, UsageError } from "../errors.ts";
import { demo } from "./demo.ts";
import { serve } from "./serve.ts";
import { stopSignal } from "./stop.ts";
import { DEFAULT_URL, watch } from "./watch.ts";

/** Exit codes: done, something failed, and what was asked for cannot be. */
const EXIT_DONE = 0;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Runs the command that `args` name, to its end; resolves to the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const program = describe();
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === EXIT_DONE) return EXIT_DONE;
      complain(`Cannot run "runwire ${args.join(" ")}": allowed is ${allowedAfter(program, args)}`);
      return EXIT_USAGE;
    }
    complain(messageOf(error));
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

function describe(): Command {
  const program = new Command("runwire")
    .description("Keeps a live picture of GitHub Actions, and streams it to any number of clients.")
    .version(manifest.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText(
      "after",
      `\nVariables:\n${describeVariables()}`,
    );
  program.command("serve", { isDefault: true })
    .description("follow GitHub and serve clients (the default)")
    .action(() => serve(stopSignal()));
  program.command("demo")
    .description("serve a simulated GitHub: no account, no network")
    .action(() => demo(stopSignal()));
  program.command("watch")
    .description("show a live table of runs in this terminal")
    .argument("[url]", "where Runwire listens", DEFAULT_URL)
    .action((url: string) => watch(url, stopSignal()));
  return program;
}

function allowedAfter(program: Command, args: readonly string[]): string {
  const command = program.commands.find((each) => each.name() === args[0]) ?? program;
  const help = command.createHelp();
  return [
    ...help.visibleCommands(command).map((each) => each.name()),
    ...help.visibleArguments(command).map((each) => `[${each.name()}]`),
    ...help.visibleOptions(command).map((each) => each.long),
  ].join(", ");
}

function complain(message: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`runwire: ${message}\n`));
}
