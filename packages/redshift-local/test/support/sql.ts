import { owner } from './warehouse';

/** What the admin of a fresh cluster runs so that millrace_owner can work. */
export const ownerStatements = [
  `create user ${owner} password 'Owner1pw'`,
  `grant create on database millrace to ${owner}`,
];
