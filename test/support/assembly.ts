import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashDefinition, normalizeDefinition } from '../../sql/text/definition';

/**
 * Copies a synthesized assembly and changes the text of its templates and plans, as an edit of the code would. An asset
 * with other content gets another hash.
 * @throws Error if the edit changes nothing
 */
export function editedAssembly(assemblyDir: string, copy: string, edit: (text: string) => string): string {
  cpSync(assemblyDir, copy, { recursive: true });
  const files = readdirSync(copy, { recursive: true, encoding: 'utf8' });
  const rekeyed = new Map<string, string>();
  let changed = false;
  for (const file of files.filter((name) => /\.template\.json$|plan\.json$/.test(name))) {
    const before = readFileSync(join(copy, file), 'utf8');
    const edited = edit(before);
    if (edited === before) continue;
    const after = file.endsWith('.template.json') ? versioned(before, edited) : withKeys(edited, rekeyed);
    changed = true;
    writeFileSync(join(copy, file), after);
    const hash = /^asset\.([0-9a-f]{64})\//.exec(file)?.[1];
    if (hash)
      rekeyed.set(
        hash,
        createHash('sha256')
          .update(`${rekeyed.get(hash) ?? hash}${after}`)
          .digest('hex'),
      );
  }
  if (!changed) throw new Error(`the edit for ${copy} changed nothing`);
  const rename = (text: string) => [...rekeyed].reduce((renamed, [from, to]) => renamed.replaceAll(from, to), text);
  for (const file of files.filter((name) => name.endsWith('.json') && !name.startsWith('asset.')))
    writeFileSync(join(copy, file), rename(readFileSync(join(copy, file), 'utf8')));
  for (const [from, to] of rekeyed)
    if (existsSync(join(copy, `asset.${from}`))) renameSync(join(copy, `asset.${from}`), join(copy, `asset.${to}`));
  return copy;
}

/** Files a plan's texts under their new hashes, and adds each old and new hash to the map. */
function withKeys(plan: string, rekeyed: Map<string, string>): string {
  const { texts, ...rest } = JSON.parse(plan) as { texts?: Record<string, readonly string[]> };
  if (texts === undefined) return plan;
  const renamed = Object.entries(texts).map(([old, list]): [string, readonly string[]] => {
    const hash = createHash('sha256').update(JSON.stringify(list)).digest('hex');
    if (hash !== old) rekeyed.set(old, hash);
    return [hash, list];
  });
  return JSON.stringify({ ...rest, texts: Object.fromEntries(renamed) });
}

interface Template {
  readonly Resources: Record<string, { Type: string; Properties?: ObjectProperties }>;
}
interface ObjectProperties {
  readonly create?: Create;
  version?: string;
  /** The members of a group, by name. */
  readonly members?: Readonly<Record<string, ObjectProperties>>;
}
/** Steps as JSON text. It is in pieces if it refers to other resources. */
type Create = string | { readonly 'Fn::Join': readonly [string, readonly unknown[]] };

/** Gives warehouse objects whose definition changed another version. */
function versioned(before: string, after: string): string {
  const [old, template] = [JSON.parse(before), JSON.parse(after)] as [Template, Template];
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    if (Type !== 'Custom::WarehouseObject') continue;
    const was = old.Resources[id]?.Properties;
    setVersion(was, Properties!);
    for (const [name, member] of Object.entries(Properties!.members ?? {})) setVersion(was?.members?.[name], member);
  }
  return JSON.stringify(template);
}

function setVersion(before: ObjectProperties | undefined, after: ObjectProperties): void {
  const [was, is] = [before, after].map((properties) => definitionOf(properties?.create));
  if (was !== is) after.version = hashDefinition(is!);
}

function definitionOf(create: Create = '[]'): string {
  const text =
    typeof create === 'string'
      ? create
      : create['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'token')).join(create['Fn::Join'][0]);
  const steps = JSON.parse(text) as { readonly statements: readonly string[] }[];
  return normalizeDefinition(steps.flatMap(({ statements }) => statements).join(';\n'));
}
