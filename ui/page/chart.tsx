import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { grouped } from './format';

export interface ChartLine {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

interface Props {
  readonly title: string;
  readonly unit: string;
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly threshold?: number | undefined;
  readonly legend?: 'last' | 'sum';
}

const HEIGHT = 160;
/** So few values are drawn as points too. */
const FEW = 12;
/** Told apart by people who see fewer colours, on light and on dark. */
const colours = ['#0f9488', '#d97706', '#6366f1', '#db2777', '#65a30d', '#0ea5e9', '#9ca3af'];

/** Lines over time, in UTC. The last values are written beside their names, so that no colour is needed to read them. */
export function Chart({ title, unit, times, lines, threshold, legend = 'last' }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const few = lines.map(({ values }) => values.filter((value) => value !== null).length <= FEW);
  const shape = `${lines.map(({ name }) => name).join('|')} ${threshold} ${few.join()}`;
  const data = [
    times.map((time) => time / 1000),
    ...lines.map(({ values }) => values),
    ...(threshold === undefined ? [] : [times.map(() => threshold)]),
  ] as uPlot.AlignedData;
  useEffect(() => {
    const element = box.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, lines, threshold), data, element);
    };
    make();
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [times, lines]);
  return (
    <figure class="chart panel">
      <figcaption>
        <strong>{title}</strong> <span class="muted">{unit}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${title} over time`} />
      <ul class="legend">
        {lines.map(({ name, values }, n) => {
          const numbers = values.filter((value) => value !== null);
          const shown = legend === 'sum' ? numbers.reduce((sum, value) => sum + value, 0) : numbers.at(-1);
          return (
            <li key={name}>
              <svg width="10" height="10" aria-hidden="true">
                <circle cx="5" cy="5" r="4" fill={colours[n % colours.length]} />
              </svg>
              <span title={name}>{name}</span>{' '}
              <strong data-line={`${title}/${name}`}>{shown === undefined ? '–' : grouped(shown)}</strong>
            </li>
          );
        })}
      </ul>
    </figure>
  );
}

function options(element: HTMLElement, lines: readonly ChartLine[], threshold: number | undefined): uPlot.Options {
  const style = getComputedStyle(element);
  const [muted, line, bad] = ['--muted', '--line', '--bad'].map((name) => style.getPropertyValue(name).trim());
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: '11px system-ui',
  };
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { y: false },
    padding: [10, 22, 0, 0],
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 1) * 1.05)] } },
    axes: [
      { ...axis, size: 28, space: 70, values: (_, splits, __, ___, step) => splits.map((at) => timeText(at, step)) },
      { ...axis, size: 52, values: (_, splits) => splits.map((value) => compact(value)) },
    ],
    series: [
      {},
      ...lines.map(({ name, values }, n) => ({
        label: name,
        stroke: colours[n % colours.length]!,
        width: 1.75,
        // A line through one value cannot be seen.
        points: { show: values.filter((value) => value !== null).length <= FEW, size: 5 },
        spanGaps: true,
      })),
      ...(threshold === undefined
        ? []
        : [{ label: 'alarm', stroke: bad!, width: 1, dash: [6, 4], points: { show: false } }]),
    ],
  };
}

function compact(value: number): string {
  if (Math.abs(value) >= 1e6) return `${+(value / 1e6).toFixed(1)}M`;
  return Math.abs(value) >= 1e3 ? `${+(value / 1e3).toFixed(1)}k` : grouped(value);
}

/** `09:30`, or the day where midnight is or a step is longer than a day. UTC. */
function timeText(seconds: number, step: number): string {
  const text = new Date(seconds * 1000).toISOString();
  if (step < 60) return text.slice(11, 19);
  return text.slice(11, 16) === '00:00' || step >= 86_400 ? text.slice(5, 10) : text.slice(11, 16);
}
