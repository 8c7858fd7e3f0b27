const SCRIPT = new URL("./runwire.ts", import.meta.url).pathname;

/** What starts the whole program with these settings; it prints `listening PORT` and ends with its standard input. */
export function runwireCommand(settings: Readonly<Record<string, string>>): readonly string[] {
  const assignments = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return [Deno.execPath(), "run", "-A", SCRIPT, ...assignments];
}
