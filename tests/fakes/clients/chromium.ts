import { withTimeout } from "../wait.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** Virtual time, which the browser skips if nothing is pending. */
const VIRTUAL_TIME_MS = 30_000;
const TIMEOUT_MS = 60_000;

/** The command of the browser; `undefined` if there is none, unless REQUIRE_SERVICES=1. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of NAMES) {
    const command = new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" });
    if (await command.output().then(({ success }) => success, () => false)) return name;
  }
  return Deno.env.get("REQUIRE_SERVICES") === "1" ? NAMES[0] : undefined;
}

/** The HTML of a page after its scripts ran, and the log of the browser. */
export async function openPage(
  chromium: string,
  url: string,
): Promise<{ readonly html: string; readonly log: string }> {
  const profile = await Deno.makeTempDir({ prefix: "chromium-" });
  const browser = new Deno.Command(chromium, {
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--enable-logging=stderr",
      `--user-data-dir=${profile}`,
      `--virtual-time-budget=${VIRTUAL_TIME_MS}`,
      "--dump-dom",
      url,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    const { stdout, stderr } = await withTimeout(browser.output(), "the page", TIMEOUT_MS);
    const [html, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { html: html ?? "", log: log ?? "" };
  } catch (error) {
    browser.kill("SIGKILL");
    await browser.status;
    throw error;
  } finally {
    await Deno.remove(profile, { recursive: true });
  }
}
