// Process statistics of Linux, see proc(5).

/** USER_HZ, the unit of the times in /proc/PID/stat, is 100 on every Linux that Deno runs on. */
const MICROSECONDS_PER_TICK = 10_000;

/** Total user and system time of all threads, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name, in parentheses, may hold spaces; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK;
}

/** Total time all threads waited for a core, in microseconds. */
export function waitMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const [, waited] = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`).split(" ");
    nanoseconds += Number(waited);
  }
  return nanoseconds / 1_000;
}

/** Resident memory in KiB. */
export function residentKib(pid: number): number {
  return Number(find(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/m));
}

/** The limit of open files of child processes. */
export function openFilesLimit(): number {
  const hard = find("/proc/self/limits", /^Max open files\s+\S+\s+(\S+)/m);
  return hard === "unlimited" ? Infinity : Number(hard);
}

export function processor(): string {
  const name = find("/proc/cpuinfo", /^model name\s*:\s*(.*)$/m) ?? Deno.build.arch;
  return `${name}, ${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}`;
}

function find(path: string, pattern: RegExp): string | undefined {
  return pattern.exec(Deno.readTextFileSync(path))?.[1];
}
