import { assert, assertEquals } from "@std/assert";
import { TemporaryFolder } from "../fakes/folder.ts";

const UNIT = new URL("../../deploy/runwire.service", import.meta.url);
/** The scale ends at 10. The service may connect to any address, which counts. */
const MAX_EXPOSURE = 1.5;

async function analyze(...args: string[]): Promise<{ code: number; text: string }> {
  const command = new Deno.Command("systemd-analyze", { args, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stderr) + decoder.decode(stdout) };
}

const ignore = await analyze("--version").then(({ code }) => code !== 0, () => true);

Deno.test({
  name: "runwire.service is a valid unit with few privileges",
  ignore,
  async fn() {
    await using folder = await TemporaryFolder.create();
    const unit = await Deno.readTextFile(UNIT);
    const path = `${folder.path}/runwire.service`;
    // The executable does not exist on this machine.
    await Deno.writeTextFile(path, unit.replace("/usr/local/bin/runwire", "/bin/true"));
    assertEquals(await analyze("verify", path), { code: 0, text: "" });
    const { text } = await analyze("security", "--offline=true", path);
    const exposure = Number(
      text.match(/Overall exposure level for runwire\.service: ([\d.]+)/)?.[1],
    );
    assert(exposure <= MAX_EXPOSURE, text);
  },
});
