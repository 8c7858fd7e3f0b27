/**
 * Writes the contents of the container image: `image.ts FOLDER`. FOLDER becomes `/opt/runwire` in the image and holds the
 * running Deno, the bundled program and the command `runwire`.
 */
import { bundle } from "./bundle.ts";
import { permissionFlags } from "./permissions.ts";

/** The folder in the image. */
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

/** A shell script that replaces its shell, so that signals reach the program. */
export function launcher(): string {
  const flags = [
    "--quiet --no-config --no-lock --no-remote --no-npm --cached-only --no-code-cache",
    ...permissionFlags(),
  ].join(" ");
  return `#!/bin/sh\nexec ${HOME}/deno run ${flags} ${HOME}/app.js "$@"\n`;
}
