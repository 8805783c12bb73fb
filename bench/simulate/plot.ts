/** Lines over time in hours. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly {
    readonly label: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
}

const size = { width: 740, height: 220, left: 48, right: 250, top: 34, bottom: 26 };
const colors = ['#1f77b4', '#ff7f0e', '#2ca02c', '#d62728', '#9467bd', '#8c564b'];
/** A line has at most so many points: more would not be seen. */
const mostPoints = 200;

/** Draws panels below each other as an SVG. */
export function plot(panels: readonly Panel[]): string {
  const height = panels.length * size.height;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="title" font-family="sans-serif" font-size="11">
<title id="title">How a pipeline catches up, simulated</title>
<rect width="${size.width}" height="${height}" fill="#ffffff"/>
${panels.map((panel, index) => `<g transform="translate(0 ${index * size.height})">\n${drawn(panel)}\n</g>`).join('\n')}
</svg>
`;
}

function drawn({ title, lines }: Panel): string {
  const all = lines.flatMap(({ points }) => points);
  const [hours, most] = [0, 1].map((axis) => Math.max(...all.map((point) => point[axis]!))) as [number, number];
  const [right, bottom] = [size.width - size.right, size.height - size.bottom];
  const x = (value: number) => round(size.left + (value / hours) * (right - size.left));
  const y = (value: number) => round(bottom - (value / most) * (bottom - size.top));
  const paths = lines.map(({ label, points }, index) => {
    const path = thinned(points)
      .map(([time, value], at) => `${at === 0 ? 'M' : 'L'}${x(time)} ${y(value)}`)
      .join('');
    const color = colors[index % colors.length];
    return `<path d="${path}" fill="none" stroke="${color}" stroke-width="1.5"/>
<text x="${right + 12}" y="${size.top + 10 + index * 16}" fill="${color}">${label}</text>`;
  });
  return `<text x="${size.left}" y="20" fill="#222222" font-weight="bold">${title}</text>
<path d="M${size.left} ${size.top}V${bottom}H${right}" fill="none" stroke="#888888"/>
<text x="${size.left - 6}" y="${size.top + 4}" text-anchor="end" fill="#444444">${shown(most)}</text>
<text x="${size.left - 6}" y="${bottom}" text-anchor="end" fill="#444444">0</text>
<text x="${right}" y="${bottom + 16}" text-anchor="end" fill="#444444">${shown(hours)} h</text>
${paths.join('\n')}`;
}

function thinned(points: Panel['lines'][number]['points']): Panel['lines'][number]['points'] {
  const step = Math.max(1, Math.ceil(points.length / mostPoints));
  return points.filter((_, index) => index % step === 0 || index === points.length - 1);
}

const round = (value: number) => Number(value.toFixed(1));
const shown = (value: number) => `${Number(value.toPrecision(2))}`;
