import type { Column, Pipeline } from '../../pipelines/definition';
import { shortHash } from '../text/definition';
import { storedName } from './columns';
import { identityVersion } from './identity';

const hash = (pipeline: Pick<Pipeline, 'identity' | 'columns'>, columns: readonly object[]) =>
  shortHash(JSON.stringify([identityVersion(pipeline), ...columns]));

/** What a value of the column in the table is made of. Its public name and whether it is required do not matter. */
function madeOf(column: Column): object {
  const { name: _, required: __, stored: ___, fill: ____, replaces: _____, mayLose: ______, ...value } = column;
  return { stored: storedName(column), ...value };
}

/**
 * 8 hexadecimal characters over what the values in the table are made of, and which table it is: runs of one version leave complete rows for each
 * other.
 */
export const typingVersion = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  hash(
    pipeline,
    [...pipeline.columns].map(madeOf).sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
  );

/** The columns that are filled for the past. */
const filledColumns = ({ columns }: Pick<Pipeline, 'columns'>) => columns.filter(({ fill }) => fill);
export const fillVersion = (pipeline: Pipeline) => hash(pipeline, filledColumns(pipeline).map(madeOf));
