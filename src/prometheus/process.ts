import process from "node:process";
import type { EventLoopDelay } from "./event_loop_delay.ts";
import type { Exposition } from "./exposition.ts";

export interface ProcessSources {
  readonly eventLoopDelay: EventLoopDelay;
  /** Ours. */
  readonly version: string;
  readonly database: "sqlite" | "postgres";
}

/** The process: names of https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics where there is one. */
export function processMetrics(
  exposition: Exposition,
  { eventLoopDelay, version, database }: ProcessSources,
): void {
  exposition.gauge({
    name: "runwire_build_info",
    help: "Always 1: which Runwire this is, on which Deno, over which database",
    labels: ["version", "deno", "database"],
  }, () => [[{ version, deno: Deno.version.deno, database }, 1]]);
  exposition.histogram({
    name: "runwire_event_loop_delay_seconds",
    help: "How late the event loop comes to what is due",
  }, () => eventLoopDelay.histogram);
  exposition.gauge({
    name: "process_start_time_seconds",
    help: "When the process began, in seconds since the epoch",
  }, () => performance.timeOrigin / 1_000);
  exposition.counter({
    name: "process_cpu_seconds_total",
    help: "Time on a processor, of all threads",
  }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  exposition.gauge({
    name: "process_resident_memory_bytes",
    help: "Memory that the process has of the machine",
  }, () => Deno.memoryUsage().rss);
  exposition.gauge({
    name: "runwire_heap_used_bytes",
    help: "Memory that objects of JavaScript take",
  }, () => Deno.memoryUsage().heapUsed);
}
