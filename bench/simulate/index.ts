import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { exitCodeOf, explain } from '../../cli/failure';
import { print } from '../print';
import { inputs, valuesWith } from './inputs';
import { plot } from './plot';
import { type Scenario, scenarioTable, simulate } from './scenarios';

interface Options {
  readonly svg?: string;
  readonly json?: true;
}

/** What the command prints: each table under its name, and the inputs. */
export const printed = (scenarios: readonly Scenario[]) =>
  [...scenarios.map((one) => `${one.name}\n\n${scenarioTable(one)}`), `Inputs\n\n${inputTable()}`].join('\n\n');

/** The inputs as a table. */
export const inputTable = () =>
  [
    ['input', 'value', 'source'],
    ['---', '---', '---'],
    ...Object.values(inputs).map(({ unit, value, source }) => [unit, value.toLocaleString('en-US'), source]),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');

function run({ svg, json }: Options): void {
  const scenarios = simulate(valuesWith());
  print(json ? JSON.stringify({ inputs, scenarios }) : printed(scenarios));
  if (svg !== undefined) writeFileSync(svg, plot(scenarios.map(({ panel }) => panel)));
}

/** Runs the command. */
export const main = (args: readonly string[]) =>
  new Command('simulate')
    .description(
      'Simulates how a pipeline catches up, in virtual time, from documented quotas and measured times of service: ' +
        'a stream that is a day behind, a history of 1 TB, and many exports. Nothing is started.\n\n' +
        '  npm run simulate                                  the tables of docs/scale.md\n' +
        '  npm run simulate -- --svg docs/images/scale.svg   and the plot',
    )
    .option('--svg <file>', 'writes the plot to this file')
    .option('--json', 'one JSON object on stdout, with the points of the plot')
    .action(run)
    .parseAsync([...args])
    .catch((error: unknown) => {
      console.error(`error: ${explain(error)}`);
      process.exitCode = exitCodeOf(error);
    });
