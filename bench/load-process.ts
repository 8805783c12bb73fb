/**
 * Sends HTTP requests at a fixed rate, from a process of its own. Each question is asked in turn. The time of an answer counts from the moment at which its
 * request was due, so a server that falls behind cannot hide it. It reads a `Load` from stdin as JSON and prints an `Answered[]`.
 */
import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import type { Answered, Load, Question } from './load';

const longestMs = 35_000;

async function main(): Promise<void> {
  const { questions, perSecond, seconds } = JSON.parse(await text(process.stdin)) as Load;
  const agent = new Agent({ keepAlive: true });
  const answers: Promise<Answered>[] = [];
  const began = performance.now();
  const count = Math.round(perSecond * seconds);
  for (let i = 0; i < count; i += 1) {
    const due = began + (i * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await wait(early);
    answers.push(ask(questions[i % questions.length]!, agent, due));
  }
  process.stdout.write(JSON.stringify(await Promise.all(answers)));
  agent.destroy();
}

function ask({ url, headers }: Question, agent: Agent, due: number): Promise<Answered> {
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, milliseconds: performance.now() - due, cached: false });
    const request = get(url, { agent, headers, timeout: longestMs }, async (response) => {
      try {
        const body = await text(response);
        const milliseconds = performance.now() - due;
        resolve({ status: response.statusCode!, milliseconds, cached: body.includes('"cached":true') });
      } catch {
        failed();
      }
    });
    request.on('timeout', () => request.destroy());
    request.on('error', failed);
  });
}

void main();
