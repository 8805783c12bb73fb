import type { Column, Pipeline } from '../../pipelines/definition';
import { shortHash } from '../text/definition';
import { storedName } from './columns';
import { identityVersion } from './identity';

const hash = (pipeline: Pick<Pipeline, 'identity' | 'columns'>, columns: readonly object[]) =>
  shortHash(JSON.stringify([identityVersion(pipeline), ...columns]));

/** The version of `where`: 8 hexadecimal characters of a hash. */
export const filterVersion = ({ where }: Pick<Pipeline, 'where'>) => shortHash(JSON.stringify(where ?? []));

/** The options that determine a column's values in the table. Its public name and `required` do not. */
function valueDefinition(column: Column): object {
  const { name: _, required: __, stored: ___, fill: ____, replaces: _____, mayLose: ______, ...value } = column;
  return { stored: storedName(column), ...value };
}

/**
 * 8 hexadecimal characters of a hash over the columns' definitions and the identity. A run needs no completion by a
 * run of the same version.
 */
export const typingVersion = (pipeline: Pick<Pipeline, 'identity' | 'columns'>) =>
  hash(
    pipeline,
    [...pipeline.columns]
      .map(valueDefinition)
      .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1)),
  );

/** The columns that a deployment fills for existing events. */
const filledColumns = ({ columns }: Pick<Pipeline, 'columns'>) => columns.filter(({ fill }) => fill);
export const fillVersion = (pipeline: Pipeline) => hash(pipeline, filledColumns(pipeline).map(valueDefinition));
