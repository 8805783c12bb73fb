import { type ExportItem, type ExportPlan, exportPrefix } from './contract';
import type { UnloadEngine } from './engine';
import { isRecordKey } from './materialize-record';

/** Each export by the engine that it names. Ids of unloads, names of exports and prefixes of runs tell whose they are. */
export function engines(
  { pipeline, exports }: ExportPlan,
  { redshift, materialize }: { readonly redshift: UnloadEngine; readonly materialize?: UnloadEngine },
): UnloadEngine {
  const of = (item: Pick<ExportItem, 'name' | 'engine'> | undefined): UnloadEngine => {
    if (item?.engine !== 'materialize') return redshift;
    if (!materialize)
      throw new Error(`export ${item.name} needs a connection to Materialize, and the function has none`);
    return materialize;
  };
  const named = (name: string) => of(exports.find((item) => item.name === name));
  return {
    windowsAtOnce: (item) => of(item).windowsAtOnce(item),
    mayBegin: (item) => of(item).mayBegin(item),
    submit: (item, unload) => of(item).submit(item, unload),
    describe: (id) => (materialize && isRecordKey(id, pipeline) ? materialize : redshift).describe(id),
    recent: (name) => named(name).recent(name),
    results: (item, id, targets) => of(item).results(item, id, targets),
    forget: (prefix) => of(exports.find(({ name }) => prefix.startsWith(exportPrefix(pipeline, name)))).forget(prefix),
  };
}
