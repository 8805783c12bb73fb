import { undecodedColumns } from '../../lambda/load/contract';
import type { RefreshStep } from '../../lambda/refresh/contract';
import type { StatementTemplate } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';
import { lockStatement } from '../merge/merge';
import { decodes, holdsBack } from '../merge/waiting';
import type { ResolvedPipeline } from '../resolve';
import { arrivalFormat } from '../tables/columns';

/**
 * A record that still waits after this many minutes is unloaded once more: its unload failed, or the notification of
 * its file was lost.
 */
const againAfterMinutes = 60;

/**
 * Most megabytes of a file. The load function decodes a whole file in one call, and the records may decompress to many
 * times that.
 */
const maxFileMb = 16;

/**
 * The step that unloads the records that wait to be decoded, for the load function. S3 is not part of the transaction,
 * so a file may be written twice. That changes nothing: every part of a record has a position, and the merge takes each
 * position once. Placeholders: `undecoded`, an s3:// URL; `unload_role`; `key`, the ARN of a KMS key.
 */
export function undecodedSteps(pipeline: ResolvedPipeline): RefreshStep[] {
  if (!decodes(pipeline.definition)) return [];
  const { rejects } = pipeline.tables;
  // The time at which the transaction began, which is the same in both statements.
  const isDue = 'decode_after <= sysdate';
  const items: Record<(typeof undecodedColumns)[number], string> = {
    shard_id: 'shard_id',
    sequence_number: 'sequence_number',
    partition_key: 'partition_key',
    arrived_at: `to_char(arrived_at, ${quoteLiteral(arrivalFormat)})`,
    bytes: 'unparsed',
  };
  const query = `select ${undecodedColumns.map((name) => `${items[name]} as ${name}`).join(', ')}
from ${rejects}
where ${isDue}`;
  return [
    {
      name: 'undecoded',
      mode: 'transaction',
      statements: [
        lockStatement(pipeline),
        `unload (${quoteLiteral(query)})
to {{undecoded}} iam_role {{unload_role}}
format csv gzip allowoverwrite maxfilesize ${maxFileMb} mb kms_key_id {{key}} encrypted`,
        `update ${rejects}
set decode_after = dateadd(minute, ${againAfterMinutes}, sysdate)
where ${isDue}`,
      ],
      mayFail: true,
    },
  ];
}

/** Branches of the query for work: see idle.ts. */
export const undecodedWork = (pipeline: ResolvedPipeline): StatementTemplate =>
  decodes(pipeline.definition)
    ? `
  union all
  select 'records to decode' as reason, count(*) as found
  from ${pipeline.tables.rejects}
  where decode_after <= getdate() or ${holdsBack}`
    : '';
