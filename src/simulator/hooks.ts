import type { Clock } from "../clock.ts";
import { log } from "../log.ts";
import { eventsOf, type WebhookEvent } from "./event_json.ts";
import { type Attempt, type Delivery, type Hook, type HookFields, send } from "./hook.ts";
import { hookJson } from "./hook_json.ts";
import type { Occurrence } from "./occurrence.ts";
import { hex } from "./random.ts";
import type { Repository } from "./repository.ts";
import { repositoryJson } from "./repository_json.ts";
import { timestamp } from "./timestamp.ts";
import { type Origin, userJson } from "./user_json.ts";
import type { World } from "./world.ts";

const LOOK_EVERY_MS = 250;
const WAITING_AT_MOST = 5_000;
const ATTEMPTS_KEPT = 2_000;

/** What Apps are told of, asked or not: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
const ALWAYS_TOLD = ["installation", "installation_repositories", "github_app_authorization"];

/** The last before the first: as long as GitHub's, which a number does not hold exactly. */
const LAST_ATTEMPT_ID = 3_842_091_948_768_772_096n;

interface Waiting {
  readonly hook: Hook;
  readonly delivery: Delivery;
  readonly redelivery: boolean;
}

/** The webhooks of the repositories and of the app, and everything that they were sent. */
export class Hooks {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #installation: number | undefined;
  readonly #origin: () => Origin;
  readonly #hooks = new Map<number, Hook>();
  /** By hook, the latest first. */
  readonly #attempts = new Map<number, readonly Attempt[]>();
  readonly #hidden = new Map<string, 403 | 404>();
  readonly #waiting: Waiting[] = [];
  #stopWatching: (() => void) | undefined;
  #lastHookId = 403_129_838;
  #lastAttemptId = LAST_ATTEMPT_ID;

  constructor({ world, clock, random, installation, origin }: {
    readonly world: World;
    readonly clock: Clock;
    readonly random: () => number;
    /** The app's, which its hook's payloads name. */
    readonly installation: number | undefined;
    readonly origin: () => Origin;
  }) {
    this.#world = world;
    this.#clock = clock;
    this.#random = random;
    this.#installation = installation;
    this.#origin = origin;
  }

  /** Adds a hook to a repository. It is told what happens from now on. */
  add(fullName: string, fields: HookFields): Hook {
    const repository = this.#world.repository(fullName);
    if (!repository) throw new Error(`Cannot add a hook: no repository is called "${fullName}"`);
    return this.#keep({ ...fields, repository: repository.full_name });
  }

  /** Gives the app its one hook, instead of any it had. */
  addToApp(fields: HookFields): Hook {
    for (const { id } of this.of(null)) this.remove(id);
    return this.#keep({ ...fields, repository: null });
  }

  remove(id: number): void {
    this.#hooks.delete(id);
    this.#attempts.delete(id);
    if (this.#hooks.size > 0) return;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  /** The hooks of a repository, or of the app (`null`), the oldest first. */
  of(repository: string | null): readonly Hook[] {
    return [...this.#hooks.values()].filter((hook) => hook.repository === repository);
  }

  /** Refuses to show a repository's hooks, as GitHub does without admin rights, or shows them again. */
  hide(fullName: string, status: 403 | 404 | undefined): void {
    if (status) this.#hidden.set(fullName.toLowerCase(), status);
    else this.#hidden.delete(fullName.toLowerCase());
  }

  hiddenAs(fullName: string): 403 | 404 | undefined {
    return this.#hidden.get(fullName.toLowerCase());
  }

  /** Every attempt to deliver to a hook, the latest first. */
  deliveries(hookId: number): readonly Attempt[] {
    return this.#attempts.get(hookId) ?? [];
  }

  /** Sends once more what an attempt sent, a little later; returns whether there is such an attempt. */
  redeliver(hookId: number, attemptId: bigint): boolean {
    const hook = this.#hooks.get(hookId);
    const delivery = this.deliveries(hookId).find(({ id }) => id === attemptId);
    if (!hook || !delivery) return false;
    this.#enqueue({ hook, delivery, redelivery: true });
    return true;
  }

  /** Tells a hook that it is there, as GitHub does when one is made. */
  ping(hook: Hook, repository: Repository): void {
    const origin = this.#origin();
    const payload = {
      zen: "Avoid administrative distraction.",
      hook_id: hook.id,
      hook: hookJson(hook, origin),
      repository: repositoryJson(repository, origin),
      sender: userJson("octocat", origin),
    };
    this.#address(hook, { event: "ping", action: null, payload }, {
      repository,
      guid: this.#guid(),
    });
  }

  /** Has hooks told of something that has happened, which the world tells by itself. */
  tell(occurrence: Occurrence): void {
    const repository = "repository" in occurrence ? occurrence.repository : undefined;
    if (occurrence.kind === "repository") this.#move(occurrence.from, occurrence.repository);
    const hooks = [...repository ? this.of(repository.full_name) : [], ...this.of(null)];
    for (const event of eventsOf(occurrence, this.#origin())) {
      const guid = this.#guid();
      for (const hook of hooks) {
        if (hook.active && isWanted(event, hook)) this.#address(hook, event, { repository, guid });
      }
    }
  }

  /** Sends what waits, one after the other, and looks every 250 ms for what has happened. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#world.pass();
      const next = this.#waiting.shift();
      if (next) await this.#attempt(next, signal);
      else await this.#clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  #keep({ repository, ...fields }: HookFields & Pick<Hook, "repository">): Hook {
    const hook: Hook = {
      id: ++this.#lastHookId,
      repository,
      secret: null,
      events: ["push"],
      content_type: "json",
      active: true,
      created_at: timestamp(this.#clock.now()),
      ...fields,
    };
    this.#hooks.set(hook.id, hook);
    this.#stopWatching ??= this.#world.watch((occurrence) => this.tell(occurrence));
    return hook;
  }

  /** Hooks go with a repository that gets another name. */
  #move(from: string | undefined, { full_name }: Repository): void {
    for (const hook of from === undefined ? [] : this.of(from)) {
      this.#hooks.set(hook.id, { ...hook, repository: full_name });
    }
  }

  #address(hook: Hook, { event, action, payload }: WebhookEvent, { repository, guid }: {
    readonly repository: Repository | undefined;
    readonly guid: string;
  }): void {
    const isApp = hook.repository === null && this.#installation !== undefined;
    const installation = isApp ? { installation: { id: this.#installation } } : {};
    const delivery: Delivery = {
      guid,
      event,
      action,
      repository_id: repository?.id ?? null,
      installation_id: isApp ? this.#installation ?? null : null,
      payload: JSON.stringify({ ...payload, ...installation }),
    };
    this.#enqueue({ hook, delivery, redelivery: false });
  }

  #enqueue(waiting: Waiting): void {
    if (this.#waiting.length < WAITING_AT_MOST) {
      this.#waiting.push(waiting);
      return;
    }
    const { guid } = waiting.delivery;
    log("simulator").warn("Too many webhooks wait: {guid} is lost", { guid });
  }

  async #attempt({ hook, delivery, redelivery }: Waiting, signal: AbortSignal): Promise<void> {
    if (!this.#hooks.has(hook.id)) return;
    const at = this.#clock.now();
    const outcome = await send(hook, delivery, { clock: this.#clock, signal });
    // What was broken off by our own end is no failure.
    if (signal.aborted) return;
    const duration = (this.#clock.now() - at) / 1000;
    const id = ++this.#lastAttemptId;
    const attempt: Attempt = { ...delivery, id, at, redelivery, duration, ...outcome };
    const kept = this.deliveries(hook.id).slice(0, ATTEMPTS_KEPT - 1);
    if (this.#hooks.has(hook.id)) this.#attempts.set(hook.id, [attempt, ...kept]);
  }

  /** A UUID in form. */
  #guid(): string {
    return [8, 4, 4, 4, 12].map((digits) => hex(this.#random, digits)).join("-");
  }
}

function isWanted({ event }: WebhookEvent, { events, repository }: Hook): boolean {
  return events.includes("*") || events.includes(event) ||
    (repository === null && ALWAYS_TOLD.includes(event));
}
