import { type CostChange, dollarsOf, type Line, monthOf, type Traffic } from './cost';

const number = (value: number) =>
  value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en-US') : value.toPrecision(2);
const money = (value: number) => `$${value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2)}`;
const unitPrice = (dollars: number) =>
  dollars < 0.01 ? `$${Number((dollars * 1e6).toPrecision(4))} a million` : `$${dollars}`;

/** Adds up amounts of the same price. */
function summed(lines: readonly Line[]): Line[] {
  const byPrice = new Map<string, Line>();
  for (const one of lines) {
    const before = byPrice.get(one.price);
    byPrice.set(
      one.price,
      before ? { ...one, amount: before.amount + one.amount, dollars: before.dollars + one.dollars } : one,
    );
  }
  return [...byPrice.values()];
}

/**
 * Formats costs as a table: a column for each environment, a row for each group of resources, then the totals.
 * @param content `totals` leaves the groups out, as in the README; docs/costs.md has all rows with their arithmetic
 * @param traffic adds the costs of a month with it
 */
export function costTable(
  environments: Readonly<Record<string, readonly Line[]>>,
  content: 'arithmetic' | 'totals' = 'arithmetic',
  traffic?: Traffic,
): string {
  const columns = Object.values(environments);
  const cell = (lines: readonly Line[], terms: boolean) => {
    const sum = money(dollarsOf(lines));
    if (!terms) return sum;
    const parts = summed(lines).map(
      ({ amount, price, unitDollars }) => `${number(amount)} × ${unitPrice(unitDollars)} (${price})`,
    );
    return lines.length === 0 ? '' : `${parts.join(' + ')} = ${sum}`;
  };
  const rowsOf = (per: Line['per']) => {
    const groups = [
      ...new Set(
        columns
          .flat()
          .filter((one) => one.per === per)
          .map(({ group }) => group),
      ),
    ];
    return groups.map((group) => [
      group,
      ...columns.map((lines) =>
        cell(
          lines.filter((one) => one.per === per && one.group === group),
          true,
        ),
      ),
    ]);
  };
  const total = (per: Line['per']) =>
    columns.map(
      (lines) =>
        `**${cell(
          lines.filter((one) => one.per === per),
          false,
        )}**`,
    );
  const rows = [
    ['', ...Object.keys(environments)],
    ['---', ...columns.map(() => '---')],
    ...(content === 'totals' ? [] : rowsOf('fixed').map(([group, ...cells]) => [group!, ...cells])),
    ['**a month without traffic**', ...total('fixed')],
    ['**a million events**', ...total('events')],
    ...(columns.flat().some(({ per }) => per === 'requests')
      ? [['**a million requests of endpoints**', ...total('requests')]]
      : []),
    ['**a GB kept in S3 and in Redshift, a month**', ...total('kept')],
    ...(traffic === undefined ? [] : monthRows(columns, traffic)),
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function monthRows(columns: readonly (readonly Line[])[], traffic: Traffic): string[][] {
  const months = columns.map((lines) => monthOf(lines, traffic));
  return [
    [
      `**a month with ${number(traffic.eventsPerDay)} events a day**`,
      ...months.map(({ dollars }) => `**${money(dollars)}**`),
    ],
    ['keeping these events, each later month', ...months.map(({ keptDollars }) => money(keptDollars))],
  ];
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${money(Math.abs(value))}`;

/** Formats what a change costs: a line for each group, the sum of each side, and the difference. */
export function differenceTable({ before, after, changed }: CostChange): string {
  const row = (group: string, from: number, to: number) =>
    `| ${group} | ${money(from)} | ${money(to)} | ${signed(to - from)} |`;
  return [
    '|  | before | after | difference |',
    '| --- | --- | --- | --- |',
    ...changed.map((one) => row(one.group, one.before, one.after)),
    row('**a month without traffic**', before, after),
  ].join('\n');
}

/** Says what a change costs in one sentence. */
export function differenceText({ before, after, changed }: CostChange): string {
  if (changed.length === 0) return `A month without traffic still costs ${money(after)}.`;
  const parts = changed.map((one) => `${one.group} ${signed(one.after - one.before)}`);
  return `A month without traffic costs ${money(after)} instead of ${money(before)}: ${parts.join(', ')}.`;
}
