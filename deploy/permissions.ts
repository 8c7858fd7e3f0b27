import manifest from "../deno.json" with { type: "json" };

/** A flag without characters that a shell interprets. */
const FLAG = /^--[\w-]+(=[\w.,:-]+)?$/;

/** The permission flags of the task `start` in deno.json, the only place that defines them. */
export function permissionFlags(): string[] {
  const flags = manifest.tasks.start.command.split(" ").filter((word) => word.startsWith("-"));
  const unsafe = flags.find((flag) => !FLAG.test(flag));
  if (unsafe) {
    throw new Error(
      `Invalid flag "${unsafe}" in the task "start": expected --name or --name=value`,
    );
  }
  return flags;
}
