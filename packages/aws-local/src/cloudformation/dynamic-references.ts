import type { Principal, SecretsPort } from 'aws-local-kit';

/**
 * `{{resolve:secretsmanager:<secret id or ARN>:SecretString:<json key>:<stage>:<version>}}`. The last three parts are
 * optional.
 */
const reference = /\{\{resolve:secretsmanager:([^{}]+?):SecretString(?::([^:}]*))?(?::[^:}]*)?(?::[^:}]*)?\}\}/g;

/**
 * Replaces dynamic references by the secrets' current values. A later rotation has no effect until the next deployment.
 */
export async function resolveDynamicReferences(
  value: unknown,
  from: { readonly secrets: SecretsPort; readonly principal: Principal },
): Promise<unknown> {
  if (typeof value === 'string') return value.includes('{{resolve:') ? replace(value, from) : value;
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveDynamicReferences(item, from)));
  if (typeof value !== 'object' || value === null) return value;
  const entries = await Promise.all(
    Object.entries(value).map(async ([name, member]) => [name, await resolveDynamicReferences(member, from)] as const),
  );
  return Object.fromEntries(entries);
}

async function replace(
  text: string,
  { secrets, principal }: { readonly secrets: SecretsPort; readonly principal: Principal },
): Promise<string> {
  let replaced = text;
  for (const [whole, secretId, key] of text.matchAll(reference)) {
    const secret = await secrets.getSecretString(principal, secretId!);
    const value = key ? (JSON.parse(secret) as Record<string, unknown>)[key] : secret;
    if (value === undefined) throw new Error(`secret ${secretId} has no key ${key}`);
    replaced = replaced.replace(whole, () => String(value));
  }
  if (replaced.includes('{{resolve:'))
    throw new Error(
      `dynamic reference ${/\{\{resolve:[^}]*/.exec(replaced)?.[0]}}} is not modelled by the local runtime`,
    );
  return replaced;
}
