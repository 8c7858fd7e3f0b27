import process from "node:process";
import type { EventLoopDelay } from "./event_loop_delay.ts";
import type { Exposition } from "./exposition.ts";

interface ProcessSources {
  readonly eventLoopDelay: EventLoopDelay;
  /** The version of Runwire. */
  readonly version: string;
  readonly database: "sqlite" | "postgres";
}

/** The process, with standard names: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics */
export function processMetrics(
  exposition: Exposition,
  { eventLoopDelay, version, database }: ProcessSources,
): void {
  exposition.gauge({
    name: "runwire_build_info",
    help: "Always 1, with the versions of Runwire and Deno and the kind of database",
    labels: ["version", "deno", "database"],
  }, () => [[{ version, deno: Deno.version.deno, database }, 1]]);
  exposition.histogram({
    name: "runwire_event_loop_delay_seconds",
    help: "Event loop lag",
  }, () => eventLoopDelay.histogram);
  exposition.gauge({
    name: "process_start_time_seconds",
    help: "Start time of the process, in Unix seconds",
  }, () => performance.timeOrigin / 1_000);
  exposition.counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of all threads",
  }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  exposition.gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory",
  }, () => Deno.memoryUsage().rss);
  exposition.gauge({
    name: "runwire_heap_used_bytes",
    help: "JavaScript heap in use",
  }, () => Deno.memoryUsage().heapUsed);
}
