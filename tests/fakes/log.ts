import { configure, type LogRecord, reset } from "@logtape/logtape";

/** Captures the log until `await using` disposes of it. */
export class CapturedLog {
  readonly records: LogRecord[] = [];

  async start(): Promise<this> {
    await configure({
      reset: true,
      sinks: { records: (record) => this.records.push(record) },
      loggers: [
        { category: "runwire", sinks: ["records"], lowestLevel: "debug" },
        { category: ["logtape", "meta"], sinks: [] },
      ],
    });
    return this;
  }

  get lines(): string[] {
    return this.records.map((record) => record.message.join(""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await reset();
  }
}
