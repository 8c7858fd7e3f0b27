/** The exit code shells report for a process ended by SIGPIPE. */
const EXIT_SIGPIPE = 128 + 13;

/** Writes a line to standard output. */
export function print(line: string): void {
  writeAll(Deno.stdout, `${line}\n`);
}

/** Writes all of `text`; exits silently if the reader has closed the pipe, as `| head` does. */
export function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  try {
    for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
      rest = rest.subarray(stream.writeSync(rest));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    Deno.exit(EXIT_SIGPIPE);
  }
}
