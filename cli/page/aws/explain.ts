import { meaningOf } from '../../cloud/aws-errors';
import { explain } from '../../failure';
import type { PagePorts } from '../ports';

type Place = Pick<PagePorts, 'environment' | 'warehouse' | 'connection'>;

/**
 * Errors of a warehouse, by their text: neither the Data API nor Redshift has a code for them. A text that begins otherwise has its explanation already.
 */
const ofWarehouse: readonly (readonly [RegExp, (place: Place, message: string) => string])[] = [
  [
    /^Redshift endpoint doesn't exist/i,
    ({ warehouse: { kind, name }, connection }) =>
      `there is no ${kind === 'provisioned' ? 'cluster' : 'workgroup'} ${name} in this account and region: it was deleted, or ${connection.outputs} is of another deployment; deploy with --outputs-file ${connection.outputs}`,
  ],
  [
    /^Secrets Manager can't find the specified secret/i,
    ({ warehouse, environment }) =>
      `the owner's secret ${warehouse.secretArn} is gone: deploy the data stack of ${environment.name} again`,
  ],
  [
    /^the warehouse failed .*password authentication failed/i,
    ({ warehouse }, message) =>
      `${message}; the secret ${warehouse.secretArn} has another password than the database: change one of them`,
  ],
  [
    /^the warehouse failed .*(?:relation|schema|database) "[^"]+" does not exist/i,
    ({ environment }, message) =>
      `${message}; the environment is not wholly deployed, or this working tree is of another version: \`npx millrace plan ${environment.name}\` compares them`,
  ],
];

/** Explains to a person who looks at the page why something could not be read, and what to do. */
export function explainer(place: Place): (error: unknown) => string {
  const command = `npx millrace ui --environment ${place.environment.name}`;
  return (error) => {
    const message = explain(error);
    const known = ofWarehouse.find(([text]) => text.test(message));
    if (known !== undefined) return known[1](place, message);
    switch (meaningOf(error)?.kind) {
      // The SDK reads variables and files once.
      case 'credentials':
        return `${message}; then end \`${command}\` with Ctrl-C and start it again: this page connects by itself`;
      case 'denied':
        return `${message}; \`${command} --policy\` prints all that the page needs`;
      default:
        return message;
    }
  };
}
