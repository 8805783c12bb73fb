/** The style of the page of documentation, in the colours of the live page. */
export const style = `:root{color-scheme:light dark;--back:#f6f7f8;--panel:#fff;--line:#dfe3e8;--text:#1b2027;--muted:#58626e;--accent:#0b6e66;
--on-accent:#fff;--good:#1a6b3c;--good-soft:#dff3e6;--bad:#b3261e;--bad-soft:#fde7e5;--mono:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media(prefers-color-scheme:dark){:root{--back:#101317;--panel:#181c22;--line:#2c323b;--text:#e6e9ed;--muted:#9aa5b1;--accent:#4fd1c0;
--on-accent:#101317;--good:#62d18f;--good-soft:#14301f;--bad:#ff8a80;--bad-soft:#3d1b19}}
*{box-sizing:border-box}html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
.frame{max-width:76rem;margin:0 auto;padding:1.5rem;display:grid;grid-template-columns:13rem minmax(0,1fr);gap:2rem}
nav{position:sticky;top:1.5rem;align-self:start;max-height:calc(100vh - 3rem);overflow:auto}nav ul{list-style:none;margin:0 0 1rem;padding:0}
nav strong{color:var(--muted);font-weight:600}nav a{display:block;padding:.1rem 0;text-decoration:none;color:inherit}nav a:hover{color:var(--accent);text-decoration:underline}
h1{margin:0;font-size:1.4rem}h2{margin:0;font-size:1.1rem}h3{margin:1.25rem 0 .25rem;font-size:.95rem}p{margin:.5rem 0}a{color:var(--accent)}
section{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:1.25rem;margin-top:1.25rem}
.muted{color:var(--muted)}code,pre,.mono{font:13px/1.45 var(--mono)}code{overflow-wrap:anywhere}td code{white-space:nowrap}
pre{margin:.5rem 0 0;background:var(--back);border:1px solid var(--line);border-radius:6px;padding:.6rem .75rem;white-space:pre-wrap;overflow-wrap:anywhere}
.path code{font-weight:600}.scroll{overflow:auto;max-height:28rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem 1rem .35rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--muted);font-size:.85rem}.rows th{position:sticky;top:0;background:var(--panel)}.rows td{font:13px/1.45 var(--mono);white-space:nowrap}.number{text-align:right}
.fields{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.75rem 1.25rem;margin:.5rem 0 1rem}
label{display:block}label .muted{font-size:.85rem}input,select{font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:6px;padding:.35rem .5rem;width:100%}
.hint{display:block;font-size:.85rem;color:var(--muted)}.actions{display:flex;gap:.75rem;align-items:center;flex-wrap:wrap}.actions select{width:auto}
button{font:inherit;font-weight:600;color:var(--on-accent);background:var(--accent);border:0;border-radius:6px;padding:.4rem 1rem;cursor:pointer}button[disabled]{opacity:.6}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}.pill{font-weight:600;border-radius:99px;padding:.1rem .6rem}
.good{color:var(--good);background:var(--good-soft)}.bad{color:var(--bad);background:var(--bad-soft)}details{margin-top:.75rem}summary{cursor:pointer;color:var(--muted)}
@media(max-width:52rem){.frame{grid-template-columns:minmax(0,1fr);padding:1rem;gap:0}nav{position:static;max-height:none}nav ul{display:flex;flex-wrap:wrap;gap:0 1rem;margin-bottom:.5rem}section{padding:1rem}}`;

/** Most rows of an answer that the page shows. */
const SHOWN_ROWS = 100;
/** Most characters of another answer that the page shows. */
const SHOWN_CHARACTERS = 20_000;

/**
 * Sends the request of a form, and shows its answer as a table if it is JSON with rows. The token stays in the page, and is
 * sent in the Authorization header only.
 */
export const script = `const token = document.getElementById('token');
const element = (name, text, kind) => Object.assign(document.createElement(name), { textContent: text, className: kind ?? '' });
const isNumber = (type) => /^(smallint|integer|bigint|decimal|numeric|real|double)/.test(type);
function rows({ meta, data }) {
  const table = element('table', '', 'rows');
  const head = table.createTHead().insertRow();
  for (const { name, type } of meta) head.append(element('th', name, isNumber(type) ? 'number' : ''));
  const body = table.createTBody();
  for (const each of data.slice(0, ${SHOWN_ROWS})) {
    const row = body.insertRow();
    for (const { name, type } of meta) {
      const value = each[name];
      const text = value === null ? 'null' : typeof value === 'object' ? JSON.stringify(value) : String(value);
      row.append(element('td', text, value === null ? 'muted' : isNumber(type) ? 'number' : ''));
    }
  }
  const box = element('div', '', 'scroll');
  box.tabIndex = 0;
  box.append(table);
  return box;
}
function facts({ rows, truncated, freshness, statistics }) {
  const parts = [rows === 1 ? '1 row' : rows + ' rows' + (truncated ? ', and there are more' : '')];
  if (rows > ${SHOWN_ROWS}) parts.push('the first ${SHOWN_ROWS} are shown');
  parts.push(statistics.elapsedMs + ' ms' + (statistics.cached ? ', without a query' : ''));
  if (freshness.refreshedAt) parts.push('refreshed ' + freshness.refreshedAt);
  if (freshness.completeUntil) parts.push('complete until ' + freshness.completeUntil);
  return parts.join(' · ');
}
function parsed(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}
async function ask(form, output) {
  // Without a name, so that a parameter may be called format.
  const format = form.querySelector('[data-format]').value;
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== '')).toString();
  const path = form.dataset.path + '.' + format + (query ? '?' + query : '');
  const secret = token.value.trim();
  const answer = await fetch(path, { headers: secret ? { authorization: 'Bearer ' + secret } : {} });
  const text = await answer.text();
  const state = element('p', '');
  state.setAttribute('role', 'status');
  state.append(element('span', answer.status + ' ' + answer.statusText, 'pill ' + (answer.ok ? 'good' : 'bad')));
  const found = answer.ok && format === 'json' ? parsed(text) : undefined;
  if (found) state.append(' ' + facts(found));
  else if (!answer.ok && !secret) state.append(' Enter a token at the top of the page.');
  const whole = found ? JSON.stringify(found, undefined, 1) : text;
  const raw = element('pre', whole.slice(0, ${SHOWN_CHARACTERS}) + (whole.length > ${SHOWN_CHARACTERS} ? ' …' : ''));
  const request = element('pre', "curl -H \\"Authorization: Bearer $TOKEN\\" '" + location.origin + path.replaceAll("'", '%27') + "'");
  const more = element('details', '');
  more.append(element('summary', 'The answer as it came'), raw);
  output.replaceChildren(state, ...(found ? [rows(found), more] : [raw]), request);
}
for (const form of document.forms) if (form.dataset.path) form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const output = form.querySelector('output');
  const button = form.querySelector('button');
  button.disabled = true;
  output.replaceChildren(element('p', 'Waiting for the answer', 'muted'));
  try {
    await ask(form, output);
  } catch (error) {
    output.replaceChildren(element('p', String(error), 'bad'));
  }
  button.disabled = false;
});`;
