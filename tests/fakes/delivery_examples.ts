import definitions from "@octokit/webhooks-examples" with { type: "json" };

/** A payload that GitHub sent once. */
export interface Example {
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Every payload of `@octokit/webhooks-examples`: each event, each action. */
export function examples(event?: string): readonly Example[] {
  return definitions.flatMap((definition) =>
    event === undefined || definition.name === event
      ? definition.examples.map((payload) => ({ event: definition.name, payload: { ...payload } }))
      : []
  );
}
