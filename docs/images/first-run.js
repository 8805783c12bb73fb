#!/usr/bin/env node
/**
 * Draws docs/images/first-run.svg: what `npm start -- --once` prints on a terminal, from a real run into a temporary folder.
 * To draw the picture again: `node docs/images/first-run.js`.
 */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
process.env.UV_THREADPOOL_SIZE ??= '8';
require('tsx/cjs');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { main } = require('../../cli/main.ts');

const COMMAND = 'npm start -- --once';
/** The picture ends before this heading. The views and exports below it fill several screens. */
const LAST_HEADING = 'Views';

const CHARACTER = 8.4;
const LINE = 20;
const MARGIN = 20;
const BACKGROUND = '#16181d';
const COLOURS = {
  plain: '#d4d7dd',
  dim: '#7d8590',
  green: '#56d364',
  yellow: '#e3b341',
  red: '#ff7b72',
  cyan: '#76e3ea',
};
/** SGR parameters as `styleFor` in cli/terminal.ts writes them, with what each changes. */
const SGR = {
  1: { bold: true },
  2: { colour: 'dim' },
  22: { bold: false, colour: 'plain' },
  31: { colour: 'red' },
  32: { colour: 'green' },
  33: { colour: 'yellow' },
  36: { colour: 'cyan' },
  39: { colour: 'plain' },
};

/** The lines that stay on a terminal. `\r ESC [2K` erases the running stage. */
function linesOf(output) {
  return output.split('\n').map((line) => line.split('\r\u001b[2K').at(-1));
}

/** The parts of a line that share a style. */
function partsOf(line) {
  const parts = [];
  let style = { bold: false, colour: 'plain' };
  let column = 0;
  for (const [index, piece] of line.split('\u001b[').entries()) {
    // All pieces but the first begin with the parameter of an escape sequence.
    const text = index === 0 ? piece : piece.slice(piece.indexOf('m') + 1);
    if (index > 0) style = { ...style, ...SGR[Number.parseInt(piece, 10)] };
    if (text !== '') parts.push({ text, column, ...style });
    column += text.length;
  }
  return parts;
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const number = (value) => String(Number(value.toFixed(1)));

function svgOf(lines) {
  const rows = lines.map(partsOf);
  const columns = Math.max(...rows.flat().map(({ text, column }) => column + text.length));
  const [width, height] = [columns * CHARACTER + 2 * MARGIN, lines.length * LINE + 2 * MARGIN];
  const texts = rows.flatMap((parts, row) =>
    parts.flatMap(({ text, column, bold, colour }) => {
      const weight = bold ? ' font-weight="bold"' : '';
      // Each column of a table has its own place, since browsers reduce several spaces to one.
      return [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: shown, index }) => {
        const [x, y] = [MARGIN + (column + index) * CHARACTER, MARGIN + row * LINE + 14];
        return `  <text x="${number(x)}" y="${y}" fill="${COLOURS[colour]}"${weight} textLength="${number(shown.length * CHARACTER)}">${escaped(shown)}</text>`;
      });
    }),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${number(width)} ${height}" width="${number(width)}" height="${height}"
  font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">
  <title>${COMMAND} on a terminal</title>
  <rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
${texts.join('\n')}
</svg>
`;
}

async function draw() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-picture-'));
  let output = '';
  const write = (text) => {
    output += text;
    return process.stdout.write(text);
  };
  const terminal = { isTTY: true, columns: 100, write };
  const { NO_COLOR: _, ...env } = process.env;
  const code = await main(['local', '--once', '--data', folder], { stdout: terminal, stderr: terminal, env });
  rmSync(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`the run ended with exit code ${code}`);
  const lines = linesOf(output);
  const end = lines.findIndex((line) => line.includes(LAST_HEADING));
  const shown = lines.slice(0, end).join('\n').trimEnd().split('\n');
  writeFileSync(
    join(__dirname, 'first-run.svg'),
    svgOf([`\u001b[36m$\u001b[39m \u001b[1m${COMMAND}\u001b[22m`, ...shown]),
  );
}

draw();
