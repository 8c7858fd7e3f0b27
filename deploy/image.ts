/**
 * Lays out what the container image holds: `image.ts FOLDER`, where FOLDER becomes the image's `/opt/runwire` with the Deno
 * that runs this, the bundled program, and the command `runwire`.
 */
import { bundle } from "./bundle.ts";
import { permissionFlags } from "./permissions.ts";

/** Where the image has it. */
const HOME = "/opt/runwire";

if (import.meta.main) await layOut(Deno.args[0] ?? "dist/image");

async function layOut(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await bundle(`${folder}/app.js`);
  await Deno.copyFile(Deno.execPath(), `${folder}/deno`);
  await Deno.writeTextFile(`${folder}/runwire`, launcher());
  for (const name of ["deno", "runwire"]) await Deno.chmod(`${folder}/${name}`, 0o755);
  await Deno.chmod(`${folder}/app.js`, 0o644);
}

/** A shell script, which leaves no shell behind: signals reach the program itself. It writes nothing but its data. */
export function launcher(): string {
  const flags = [
    "--quiet --no-config --no-lock --no-remote --no-npm --cached-only --no-code-cache",
    ...permissionFlags(),
  ].join(" ");
  return `#!/bin/sh\nexec ${HOME}/deno run ${flags} ${HOME}/app.js "$@"\n`;
}
