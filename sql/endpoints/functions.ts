import { isName, isWord } from '../text/token-walk';
import type { Token } from '../text/tokens';
import type { TemplateProblem } from './template';

/** Words that are values without parentheses. */
const bare = new Set(
  `sysdate current_date current_time current_timestamp localtime localtimestamp current_user session_user user current_user_id
  current_schema current_database current_catalog`.split(/\s+/),
);
const called = new Set(
  `getdate now random rand timeofday clock_timestamp statement_timestamp transaction_timestamp setseed version current_schema
  current_schemas current_database current_namespace current_setting set_config txid_current slice_num last_user_query_id nextval
  currval lastval setval gen_random_uuid uuid_generate_v4`.split(/\s+/),
);
/** Functions of the system: they tell about users and sessions, or end them. */
const ofSystem = /^(pg|has|inet|stl|svl|txid|awsdms)_/;

/**
 * Functions that an endpoint cannot call. An answer is given again until the next refresh, to everyone who asks the
 * same. So it must follow from the views and the parameters alone: neither from the time nor from chance, the user or
 * the session. A function of a user may do any of these, and the reader has no privilege for it.
 */
export function functionProblems(tokens: readonly Token[]): TemplateProblem[] {
  return tokens.flatMap((token, index): TemplateProblem[] => {
    if (!isName(token)) return [];
    const isCall = tokens[index + 1]?.text === '(';
    const before = tokens[index - 1];
    if (before?.text === '.') {
      const schema = tokens[index - 2];
      return isCall && isName(schema)
        ? [
            {
              at: schema.at,
              text: `calls ${schema.value}.${token.value}: an endpoint can call Redshift's own functions only`,
            },
          ]
        : [];
    }
    const { value } = token;
    const isOther = (isCall && (called.has(value) || ofSystem.test(value))) || (isBare(token) && !isWord(before, 'as'));
    return isOther
      ? [
          {
            at: token.at,
            text: `uses ${value}, which changes without a refresh: an answer must follow from the views and parameters alone`,
          },
        ]
      : [];
  });
}

const isBare = (token: Token) => token.kind === 'word' && bare.has(token.value);
