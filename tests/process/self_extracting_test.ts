import { assertEquals, assertMatch } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { TemporaryFolder } from "../fakes/folder.ts";
import { Program, programPath } from "../fakes/program.ts";

const path = await programPath();
/** Only the offline executable unpacks itself; `deno compile` builds another one. */
const ignore = !await isScript(path);

interface ProcessResult {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

async function runVersion(
  executable: string,
  environment: Record<string, string>,
): Promise<ProcessResult> {
  await using program = Program.run([executable, "--version"], environment);
  const code = await program.exit();
  return { code, stdout: program.stdout.all, stderr: program.stderr.all };
}

Deno.test({
  name: "The offline executable unpacks itself once, also when several start at the same time",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const environment = { RUNWIRE_CACHE: folder.path };
    const ends = await Promise.all([1, 2, 3].map(() => runVersion(path, environment)));
    for (const { code, stdout } of ends) assertEquals([code, stdout], [0, [manifest.version]]);
    const files = (await folder.files()).filter((name) => !name.includes("/cache/"));
    assertEquals(files.map(baseName), ["app.js", "deno"]);
    const unpacked = await Promise.all(files.map((name) => Deno.stat(name)));
    assertEquals((await runVersion(path, environment)).code, 0);
    const after = await Promise.all(files.map((name) => Deno.stat(name)));
    assertEquals(after.map(({ ino }) => ino), unpacked.map(({ ino }) => ino));
  },
});

Deno.test({
  name: "The offline executable reports that it is damaged, and does not run",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const whole = await Deno.readFile(path);
    const damaged = whole.slice();
    damaged.fill(0, whole.length - 1_000, whole.length - 900);
    for (const bytes of [whole.subarray(0, whole.length / 2), damaged]) {
      await Deno.writeFile(`${folder.path}/runwire`, bytes, { mode: 0o755 });
      const environment = { RUNWIRE_CACHE: `${folder.path}/cache` };
      const { code, stdout, stderr } = await runVersion(`${folder.path}/runwire`, environment);
      assertEquals([code, stdout, stderr.length], [1, [], 1], stderr.join("\n"));
      assertMatch(stderr[0] ?? "", /^runwire: This file is damaged, .*: download it again$/);
      assertEquals(await folder.files(), [`${folder.path}/runwire`]);
    }
  },
});

Deno.test({
  name: "The offline executable uses a private temporary folder if there is no writable home",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    for (const home of ["", "/dev/null"]) {
      const environment = { RUNWIRE_CACHE: "", HOME: home, TMPDIR: folder.path };
      const { code, stdout, stderr } = await runVersion(path, environment);
      assertEquals([code, stdout, stderr.length], [0, [manifest.version], 1], stderr.join("\n"));
      assertMatch(stderr[0] ?? "", /^runwire: Cannot unpack into .*: using .*RUNWIRE_CACHE/);
    }
  },
});

Deno.test({
  name: "The offline executable uses no temporary folder that is a symbolic link",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const target = `${folder.path}/target`;
    await Deno.mkdir(target);
    await Deno.symlink(target, `${folder.path}/runwire-${Deno.uid()}`);
    const environment = { RUNWIRE_CACHE: "", HOME: "", TMPDIR: folder.path };
    const { code, stderr } = await runVersion(path, environment);
    assertEquals([code, stderr.length], [1, 1], stderr.join("\n"));
    assertMatch(
      stderr[0] ?? "",
      /^runwire: Cannot unpack into .*: set RUNWIRE_CACHE to a writable folder/,
    );
    assertEquals([...Deno.readDirSync(target)], []);
  },
});

Deno.test({
  name: "The offline executable rejects a RUNWIRE_CACHE that is not writable",
  ignore,
  async fn() {
    const { code, stderr } = await runVersion(path, { RUNWIRE_CACHE: "/dev/null/x" });
    assertEquals([code, stderr.length], [1, 1], stderr.join("\n"));
    assertMatch(
      stderr[0] ?? "",
      /^runwire: Invalid RUNWIRE_CACHE "\/dev\/null\/x": expected a writable folder/,
    );
  },
});

Deno.test({
  name: "The offline executable ignores Deno's configuration files in the current folder",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    for (const name of ["deno.json", "package.json", ".npmrc"]) {
      await Deno.writeTextFile(`${folder.path}/${name}`, "{ no settings");
    }
    const inFolder = ["/bin/sh", "-c", `cd "$HOME" && exec '${path}' --version`];
    await using program = Program.run(inFolder, { HOME: folder.path });
    assertEquals([await program.exit(), program.stderr.all], [0, []]);
  },
});

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

async function isScript(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const start = new Uint8Array(2);
  await file.read(start);
  return new TextDecoder().decode(start) === "#!";
}
