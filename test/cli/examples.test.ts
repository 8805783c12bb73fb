import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { addAll } from '../../cli/main';
import { pipelines } from '../../pipelines';
import { Collected } from './io';

const root = join(__dirname, '../..');

interface Example {
  readonly where: string;
  readonly line: string;
}

/** All commands, which do nothing but read their command line. */
function quietProgram(): Command {
  const program = new Command('millrace');
  addAll(program, { stdout: new Collected(), stderr: new Collected(), env: {} });
  const settle = (command: Command) => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {}, getOutHelpWidth: () => 10_000 });
    if (command.commands.length === 0 || command.name() === 'new') command.action(() => {});
    command.commands.forEach(settle);
  };
  settle(program);
  return program;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 10_000 });
  command.outputHelp();
  return text;
}

const allCommands = (command: Command): Command[] => [command, ...command.commands.flatMap(allCommands)];

const fromHelp: Example[] = allCommands(quietProgram()).flatMap((command) =>
  examplesIn(`${command.name()} --help`, helpOf(command)),
);
const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith('.md'),
);
const fromDocs: Example[] = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const fences = [...text.matchAll(/```\w*\n([\s\S]*?)```/g)].map(([, block]) => block!);
  const spans = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/`(npx millrace [^`]+)`/g)].map(([, span]) => span!);
  const whole = spans.map((span) => span.replace(/\s+/g, ' ')).filter((span) => !/[<…[]/.test(span));
  return [...fences, ...whole].flatMap((block) => examplesIn(page, block));
});

/** Lines that begin with the command, with their continuations. */
function examplesIn(where: string, text: string): Example[] {
  return text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('npx millrace '))
    .map((line) => ({ where, line }));
}

/** The words of a shell's line, up to a pipe, a redirection, a comment or the two spaces before an explanation. */
function words(line: string): string[] {
  const [command] = line.split(/ {2,}|\s[|><&;]|\s#/);
  const found = command!.matchAll(/(?:'([^']*)'|"([^"]*)"|([^\s'"]+))+/g);
  return [...found].map(([word]) => word.replace(/['"]/g, '')).slice(2);
}

/** A text may name a command without its arguments. */
const harmless = ['commander.helpDisplayed', 'commander.missingArgument', 'commander.missingMandatoryOptionValue'];

async function faultOf(line: string): Promise<string | undefined> {
  try {
    await quietProgram().parseAsync(words(line), { from: 'user' });
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return harmless.includes(code ?? '') ? undefined : message;
  }
}

const endpoints = new Set(
  pipelines.flatMap(({ name, endpoints = [] }) => endpoints.map((endpoint) => `${name}.${endpoint.name}`)),
);

test('every example can be typed as it stands', async () => {
  expect(fromHelp.length).toBeGreaterThan(40);
  expect(fromDocs.length).toBeGreaterThan(40);
  const faults = [];
  for (const { where, line } of [...fromHelp, ...fromDocs]) {
    const fault = await faultOf(line);
    if (fault !== undefined) faults.push(`${where}: ${line}: ${fault}`);
  }
  expect(faults).toEqual([]);
});

test('every endpoint that an example asks exists', () => {
  const faults = [...fromHelp, ...fromDocs].flatMap(({ where, line }) =>
    [...line.matchAll(/(?:--scope|api call) ([a-z_]+\.[a-z_]+)/g)]
      .filter(([, name]) => !endpoints.has(name!))
      .map(([, name]) => `${where}: ${name}`),
  );
  expect(faults).toEqual([]);
});
