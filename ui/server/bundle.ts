import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzip: Buffer;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="none" stroke="#0f766e" stroke-width="2" stroke-linecap="round" d="M2 4c4 0 4 4 6 4s2-4 6-4M2 12c4 0 4-4 6-4s2 4 6 4"/></svg>`;

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Millrace</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/page.css">
</head>
<body><div id="page"></div><noscript>This page needs JavaScript. The commands of docs/commands.md show the same facts.</noscript><script src="/page.js" defer></script></body>
</html>
`;

/** Builds the page: one script and one style sheet. It takes a tenth of a second, and nothing until a browser asks. */
export async function buildPage(): Promise<ReadonlyMap<string, Asset>> {
  const { build, stop } = require('esbuild') as typeof import('esbuild');
  const { outputFiles } = await build({
    entryPoints: { page: join(__dirname, '../page/main.tsx') },
    outdir: '/',
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
  });
  // The process of esbuild would wait for more work, awake every second.
  await stop();
  const files = outputFiles.map(({ path, contents }): [string, Uint8Array] => [`/${path.split('/').at(-1)}`, contents]);
  return new Map(
    [...files, ['/', Buffer.from(html)] as const, ['/icon.svg', Buffer.from(icon)] as const].map(([path, contents]) => {
      const body = Buffer.from(contents);
      const type = types[path === '/' ? 'html' : path.split('.').at(-1)!]!;
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
      return [path, { type, body, gzip: gzipSync(body, { level: 9 }), etag }];
    }),
  );
}
