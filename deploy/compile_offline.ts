/**
 * Builds one executable where the runtime part of `deno compile` cannot be downloaded (Linux, macOS):
 * self_extracting.sh, and after it the Deno that runs this with the bundled program. `compile_offline.ts OUTPUT`
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { bundle } from "./bundle.ts";
import { permissionFlags } from "./permissions.ts";

const STUB = new URL("self_extracting.sh", import.meta.url);

if (import.meta.main) await compile(Deno.args[0] ?? "dist/runwire");

async function compile(output: string): Promise<void> {
  if (Deno.build.os === "windows") {
    throw new Error("Cannot build for Windows: use `deno task compile`");
  }
  await Deno.mkdir(dirname(output), { recursive: true });
  // Beside the output, so that the last step is a rename.
  const work = await Deno.makeTempDir({ dir: dirname(output), prefix: "compile-" });
  try {
    say("1/3 bundle main.ts");
    await bundle(`${work}/app.js`);
    say(`2/3 take Deno ${Deno.version.deno} from ${Deno.execPath()}`);
    await Deno.copyFile(Deno.execPath(), `${work}/deno`);
    await Deno.chmod(`${work}/deno`, 0o755);
    say("3/3 compress");
    await pack(work);
    await Deno.rename(`${work}/runwire`, output);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const { size } = await Deno.stat(output);
  say(`${output} is ready, ${(size / 1e6).toFixed(1)} MB`);
}

/** Writes the file `runwire` out of `deno` and `app.js`, all in the folder `work`. */
async function pack(work: string): Promise<void> {
  await Deno.writeFile(`${work}/runwire`, script(await identify(work)), { mode: 0o755 });
  const file = await Deno.open(`${work}/runwire`, { append: true });
  const tar = new Deno.Command("tar", {
    args: ["-cf", "-", "-C", work, "deno", "app.js"],
    stdout: "piped",
  }).spawn();
  await tar.stdout.pipeThrough(new CompressionStream("gzip")).pipeTo(file.writable);
  if (!(await tar.status).success) throw new Error("Cannot compress: tar failed");
}

/** Names the contents, so that two versions never share a folder. */
async function identify(work: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["deno", "app.js"]) hash.update(await Deno.readFile(`${work}/${name}`));
  return hash.digest("hex").slice(0, 16);
}

/** The shell script, which says at which byte of the file, counted from 1, the archive begins. */
function script(id: string): Uint8Array<ArrayBuffer> {
  const filled = Deno.readTextFileSync(STUB)
    .replace("@ID@", id).replace("@PERMISSIONS@", permissionFlags().join(" "));
  const bytes = new TextEncoder().encode(filled);
  // Padded to the length of what it replaces.
  const offset = String(bytes.length + 1).padEnd("@OFFSET@".length);
  return new TextEncoder().encode(filled.replace("@OFFSET@", offset));
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
