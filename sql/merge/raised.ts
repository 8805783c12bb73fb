import { raisedPrefix } from '../../lambda/shared/plan';
import { quoteLiteral } from '../../lambda/shared/quote';

/** SQL condition on `rejects`: records that made a statement fail. */
export const isRaised = `reason like ${quoteLiteral(`${raisedPrefix}%`)}`;

/** A longer payload cannot be returned as a text. */
export const maxPayloadBytes = 60_000;
