/** Writes env.example beside it, from what the program says of its variables: `deno task env-example`. */
import { listVariables } from "../src/variables.ts";

const FILE = new URL("env.example", import.meta.url);

const BEGINNING = `# Every setting of Runwire, with its default. Take the # off where you set one.
# For compose.yaml: deploy/.env; for the service of systemd: /etc/runwire/runwire.env. Keep it to yourself: chmod 600.
`;

/** Those that compose.yaml gives to the services beside Runwire. */
const OF_COMPOSE = `
# compose.yaml alone: the password of PostgreSQL
# letters and digits, by default runwire; it counts when the volume is made
#POSTGRES_PASSWORD=

# compose.yaml alone: the password of Redis
# letters and digits, by default runwire
#REDIS_PASSWORD=
`;

/** The text of env.example. */
export function envExample(): string {
  const variables = listVariables().map((
    { name, description: about, allowed, defaultValue: fallback },
  ) => `\n# ${about}\n# ${allowed}\n#${name}=${fallback}\n`);
  return [BEGINNING, ...variables, OF_COMPOSE].join("");
}

if (import.meta.main) await Deno.writeTextFile(FILE, envExample());
