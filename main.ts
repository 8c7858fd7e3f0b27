import { runCommandLine } from "./src/cli/program.ts";

if (import.meta.main) Deno.exit(await runCommandLine(Deno.args));
