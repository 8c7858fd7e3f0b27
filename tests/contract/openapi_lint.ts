import { assertEquals } from "@std/assert";
import { buildApiDocument } from "../fakes/api_document.ts";

/** Exact, because new versions add rules. */
const REDOCLY = "npm:@redocly/cli@2.77.0";
const OPENAPI_TYPESCRIPT = "npm:openapi-typescript@7.13.0";

/** A folder with /openapi.json, in which `deno` runs without the project's configuration. */
async function prepare() {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/openapi.json`, await buildApiDocument());
  return {
    /** Returns the output of `deno`; fails if it fails. */
    async deno(...args: readonly string[]): Promise<string> {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...args],
        cwd: folder,
        env: { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
      }).output();
      const [output = "", errors = ""] = [stdout, stderr].map((each) =>
        new TextDecoder().decode(each)
      );
      if (!success) throw new Error(output + errors);
      return output;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

const RUN = ["run", "--quiet", "-A", "--no-config", "--no-lock"];

Deno.test("Redocly's recommended rules find no problem in /openapi.json", async () => {
  await using folder = await prepare();
  const options = ["--extends=recommended", "--format=json"];
  const output = await folder.deno(...RUN, REDOCLY, "lint", "openapi.json", ...options);
  const { totals, problems } = JSON.parse(output);
  assertEquals(problems, []);
  assertEquals(totals, { errors: 0, warnings: 0, ignored: 0 });
});

Deno.test("openapi-typescript generates types from /openapi.json that compile", async () => {
  await using folder = await prepare();
  await folder.deno(...RUN, OPENAPI_TYPESCRIPT, "openapi.json", "--output", "api.ts");
  await folder.deno("check", "--quiet", "--no-config", "--no-lock", "api.ts");
});
