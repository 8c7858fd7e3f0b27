import manifest from "../deno.json" with { type: "json" };

/** A flag that a shell takes as one word. */
const FLAG = /^--[\w-]+(=[\w.,:-]+)?$/;

/** What the program may do, as flags of `deno`: those of the task `start` in deno.json, the only place that says it. */
export function permissionFlags(): string[] {
  const flags = manifest.tasks.start.command.split(" ").filter((word) => word.startsWith("-"));
  const odd = flags.find((flag) => !FLAG.test(flag));
  if (odd) {
    throw new Error(`Cannot use "${odd}" of the task "start": allowed is --name or --name=value`);
  }
  return flags;
}
