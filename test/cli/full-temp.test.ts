import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSmallDisk } from 'aws-local-kit/testing';
import { synthesize } from '../../cli/commands/local/synth';

const possible = createSmallDisk();
possible?.dispose();
if (!possible) console.warn('synthesis on a full disk is left out: this user may not mount a tmpfs');

/** An app that copies a file as the CDK does, and writes its assembly. */
const app = (to: string) => `
  const fs = require('node:fs');
  fs.copyFileSync(__filename, ${JSON.stringify(to)});
  fs.mkdirSync(process.env.CDK_OUTDIR, { recursive: true });
  fs.writeFileSync(process.env.CDK_OUTDIR + '/manifest.json', '{}');
`;

(possible ? test : test.skip)(
  'synthesis without room for temporary files says so in one sentence, and succeeds when there is room',
  async () => {
    const disk = createSmallDisk()!;
    const tree = mkdtempSync(join(tmpdir(), 'millrace-tree-'));
    try {
      const to = join(disk.folder, 'index.js');
      mkdirSync(join(tree, 'bin'));
      writeFileSync(join(tree, 'bin/app.js'), app(to));
      const outDir = join(tree, 'cdk.out');
      const run = () => synthesize(outDir, new AbortController().signal, { tree });
      disk.fill();
      await expect(run()).rejects.toThrow(
        new Error(
          `synthesis failed: there is no space left for ${to}; free some space or set TMPDIR to a folder with more, and start again`,
        ),
      );
      disk.free();
      expect(await run()).toBe(outDir);
    } finally {
      disk.dispose();
      rmSync(tree, { recursive: true, force: true });
    }
  },
);
