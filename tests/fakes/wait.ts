/** The default time limit of a wait, in ms. */
const TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 10;

/** Resolves after `ms` of real time. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with `promise`; fails and names `description` when that takes longer than `timeoutMs`. */
export async function withTimeout<T>(
  promise: Promise<T>,
  description: string,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Waited ${timeoutMs} ms in vain for ${description}`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when `condition` holds; fails and names `description` when it does not within `timeoutMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  description: string,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain until ${description}`);
    }
    await sleep(CHECK_INTERVAL_MS);
  }
}

/** Reads until nothing arrives for `silenceMs` or the stream ends, then cancels the stream. */
export async function readUntilSilence(
  stream: ReadableStream<string>,
  silenceMs: number,
): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), silenceMs);
    });
    const chunk = await Promise.race([reader.read(), silence]);
    clearTimeout(timer);
    if (chunk?.value === undefined) break;
    text += chunk.value;
  }
  await reader.cancel();
  return text;
}
