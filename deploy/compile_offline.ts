/**
 * Builds one executable without downloading the runtime of `deno compile` (Linux, macOS): self_extracting.sh, followed by
 * the running Deno and the bundled program. `compile_offline.ts OUTPUT`
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { bundle } from "./bundle.ts";
import { permissionFlags } from "./permissions.ts";

const STUB = new URL("self_extracting.sh", import.meta.url);

if (import.meta.main) await compile(Deno.args[0] ?? "dist/runwire");

async function compile(output: string): Promise<void> {
  if (Deno.build.os === "windows") {
    throw new Error('Windows is not supported; use "deno task compile"');
  }
  await Deno.mkdir(dirname(output), { recursive: true });
  // In the output folder, so that the last step is a rename.
  const work = await Deno.makeTempDir({ dir: dirname(output), prefix: "compile-" });
  try {
    printStep("1/3 bundle main.ts");
    await bundle(`${work}/app.js`);
    printStep(`2/3 copy Deno ${Deno.version.deno} from ${Deno.execPath()}`);
    await Deno.copyFile(Deno.execPath(), `${work}/deno`);
    await Deno.chmod(`${work}/deno`, 0o755);
    printStep("3/3 compress");
    await pack(work);
    await Deno.rename(`${work}/runwire`, output);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  const { size } = await Deno.stat(output);
  printStep(`${output} is ready, ${(size / 1e6).toFixed(1)} MB`);
}

/** Writes `runwire` from `deno` and `app.js`; all three are in the folder `work`. */
async function pack(work: string): Promise<void> {
  await Deno.writeFile(`${work}/runwire`, script(await identify(work)), { mode: 0o755 });
  const file = await Deno.open(`${work}/runwire`, { append: true });
  const tar = new Deno.Command("tar", {
    args: ["-cf", "-", "-C", work, "deno", "app.js"],
    stdout: "piped",
  }).spawn();
  await tar.stdout.pipeThrough(new CompressionStream("gzip")).pipeTo(file.writable);
  if (!(await tar.status).success) throw new Error("tar failed");
}

/** A hash of the contents, so that two versions never share a folder. */
async function identify(work: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of ["deno", "app.js"]) hash.update(await Deno.readFile(`${work}/${name}`));
  return hash.digest("hex").slice(0, 16);
}

/** The shell script with the 1-based byte offset of the archive filled in. */
function script(id: string): Uint8Array<ArrayBuffer> {
  const filled = Deno.readTextFileSync(STUB)
    .replace("@ID@", id).replace("@PERMISSIONS@", permissionFlags().join(" "));
  const bytes = new TextEncoder().encode(filled);
  // Padded to the length of the placeholder.
  const offset = String(bytes.length + 1).padEnd("@OFFSET@".length);
  return new TextEncoder().encode(filled.replace("@OFFSET@", offset));
}

function printStep(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
