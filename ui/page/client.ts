import type { Api, LiveMessage } from '../api';

const KEY = 'millrace-token';
/** Without a heartbeat for this long, the connection is dead. The server sends one every 15 seconds. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 3000;

/** Takes the token out of the address, so that it is in no bookmark or screenshot. The tab keeps it. */
export function takeToken(): void {
  const token = /(?:^#|&)token=([\w-]+)/.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(KEY, token);
  history.replaceState(null, '', `${location.pathname}#/flow`);
}

export const setToken = (token: string) => sessionStorage.setItem(KEY, token);
export const hasToken = () => sessionStorage.getItem(KEY) !== null;
const authorization = () => ({ authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ''}` });

/** An answer that the server refused, with its reason. */
export class CallError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

async function post(path: string, input: unknown): Promise<Response> {
  const response = await fetch(path, {
    method: 'POST',
    headers: { ...authorization(), 'content-type': 'application/json' },
    body: JSON.stringify(input),
  }).catch(() => {
    throw new CallError('the runtime does not answer; is it running?', 0);
  });
  if (response.ok) return response;
  const { error } = (await response.json().catch(() => ({}))) as { error?: string };
  throw new CallError(error ?? `the runtime answered ${response.status}`, response.status);
}

export async function call<Path extends keyof Api>(path: Path, input: Api[Path][0]): Promise<Api[Path][1]> {
  return (await post(path, input)).json() as Promise<Api[Path][1]>;
}

/** Saves a published file. */
export async function download(key: string): Promise<void> {
  save(await (await post('/api/exports/file', { key })).blob(), key.split('/').at(-1)!);
}

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export interface LiveListener {
  message(message: LiveMessage): void;
  state(state: 'live' | 'lost' | 'locked'): void;
  /** True while nothing is to be followed. */
  rests(): boolean;
}

/** Resolves when the page becomes visible or hidden. */
const visibilityChange = () =>
  new Promise<void>((resolve) => document.addEventListener('visibilitychange', () => resolve(), { once: true }));

/** Follows the server's events for as long as the page is open. After a break it continues where it was. */
export async function follow(listener: LiveListener): Promise<never> {
  let lastId: string | undefined;
  let wait = FIRST_WAIT_MS;
  for (;;) {
    while (listener.rests()) await visibilityChange();
    const abort = new AbortController();
    const rest = () => listener.rests() && abort.abort();
    document.addEventListener('visibilitychange', rest);
    try {
      const headers = { ...authorization(), ...(lastId === undefined ? {} : { 'last-event-id': lastId }) };
      const response = await fetch('/api/live', { headers, signal: abort.signal });
      if (response.status === 401) listener.state('locked');
      else if (response.ok && response.body !== null) {
        wait = FIRST_WAIT_MS;
        listener.state('live');
        for await (const event of eventsOf(response.body, abort)) {
          lastId = event.id ?? lastId;
          if (event.data !== '') listener.message(JSON.parse(event.data) as LiveMessage);
        }
      }
      if (response.status !== 401) listener.state('lost');
    } catch {
      if (!listener.rests()) listener.state('lost');
    } finally {
      document.removeEventListener('visibilitychange', rest);
    }
    if (listener.rests()) continue;
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function* eventsOf(body: ReadableStream<Uint8Array>, abort: AbortController) {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let text = '';
  for (;;) {
    const silence = setTimeout(() => abort.abort(), SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(silence));
    if (done) return;
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
      yield { id: field('id')[0], data: field('data').join('\n') };
    }
  }
}
