const SCRIPT = new URL("./runwire.ts", import.meta.url).pathname;

/** Command of the whole program with these variables; it prints `listening PORT` and ends with its standard input. */
export function runwireCommand(variables: Readonly<Record<string, string>>): readonly string[] {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return [Deno.execPath(), "run", "-A", SCRIPT, ...assignments];
}
