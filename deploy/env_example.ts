/** Writes env.example from src/variables.ts: `deno task env-example`. */
import { listVariables } from "../src/variables.ts";

const FILE = new URL("env.example", import.meta.url);

const HEADER = `# Every variable of Runwire with its default. Remove the # to set one.
# Copy this file to deploy/.env for compose.yaml, or to /etc/runwire/runwire.env for systemd. Protect it: chmod 600.
`;

/** Variables that compose.yaml passes to PostgreSQL and Redis. */
const COMPOSE_VARIABLES = `
# compose.yaml only: password of PostgreSQL
# letters and digits, default runwire; applied when the volume is created
#POSTGRES_PASSWORD=

# compose.yaml only: password of Redis
# letters and digits, default runwire
#REDIS_PASSWORD=
`;

/** The text of env.example. */
export function envExample(): string {
  const variables = listVariables().map(({ name, description, expected, defaultValue }) =>
    `\n# ${description}\n# ${expected}\n#${name}=${defaultValue}\n`
  );
  return [HEADER, ...variables, COMPOSE_VARIABLES].join("");
}

if (import.meta.main) await Deno.writeTextFile(FILE, envExample());
