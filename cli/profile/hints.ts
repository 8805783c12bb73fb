/** What names say. They are evidence, never a decision alone. */

/** The words of a name in lower case: `customerId`, `customer-id` and `CUSTOMER_ID` have the same ones. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

const timeWords = new Set(['time', 'timestamp', 'ts', 'at', 'date', 'datetime', 'when', 'epoch', 'millis', 'ms', 'on']);

/** True for a name of times: `created_at`, `ts`, `eventTime`. */
export function namesTime(name: string): boolean {
  const words = wordsOf(name);
  const last = words.at(-1) ?? '';
  if (words.includes('ts') || words.includes('timestamp')) return true;
  return timeWords.has(last) && !['duration', 'elapsed', 'latency', 'response', 'load'].includes(words.at(-2) ?? '');
}

/** How well a name fits the time at which the event happened: 0 to 4. */
export function eventTimeScore(name: string): number {
  const joined = wordsOf(name).join(' ');
  if (/^(event |original )?(time|timestamp|ts)$|^(event|occurred|happened) (time|timestamp|at|on|date)$/.test(joined))
    return 4;
  if (
    /^(created|ordered|placed|started|logged|captured|recorded|sent|viewed|published) (at|on|time|date)$/.test(joined)
  )
    return 3;
  if (
    /\b(updated|modified|deleted|expires?|expiry|ended|received|ingested|loaded|birth|due|until|processed)\b/.test(
      joined,
    )
  )
    return 0;
  return namesTime(name) ? 2 : 1;
}

/** How well a name fits an id of the record: 0 to 4. */
export function idScore(name: string): number {
  const joined = wordsOf(name).join(' ');
  if (
    /^(event|message|msg|record) ?(id|uuid|guid|key)$|^(id|uuid|guid|insert id|dedup(e|lication)? ?(id|key))$/.test(
      joined,
    )
  )
    return 4;
  if (/(^| )(id|uuid|guid|key|number|no|ref|reference|sequence|seq|offset)$/.test(joined)) return 3;
  if (
    /\b(ip|amount|price|total|count|qty|quantity|name|email|title|text|message|description|latitude|longitude)\b/.test(
      joined,
    )
  )
    return 0;
  return 1;
}

/** Why a field may be about a person. Undefined if nothing says so. */
export function personalHint(
  path: readonly string[],
  shares: { readonly email: number; readonly address: number },
): 'names a person' | 'personal data' | undefined {
  const joined = wordsOf(path.at(-1) ?? '').join(' ');
  const all = path.flatMap(wordsOf).join(' ');
  const person =
    '(user|customer|client|member|subscriber|visitor|person|patient|employee|account|contact|anonymous|profile|driver|rider|buyer|seller|guest|student)';
  if (new RegExp(`\\b${person} ?(id|uuid|guid|key|number|no|ref|name)?$`).test(all)) return 'names a person';
  if (shares.email > 0.5 || shares.address > 0.5) return 'personal data';
  const personal =
    /\b(e ?mail|mail|phone|telephone|tel|mobile|fax|(first|last|full|given|family|middle|nick|maiden|sur) ?name|surname|forename|address|street|zip|zipcode|postcode|postal( code)?|ip|ip ?addr(ess)?|birth ?(day|date)?|dob|date of birth|ssn|passport|iban|card( number)?|license|licence|gender|sex|age|latitude|longitude|lat|lon|lng|device id|idfa|gaid|user ?agent|cookie|session id|salary|religion|ethnicity|password)\b/;
  return personal.test(joined) ? 'personal data' : undefined;
}
