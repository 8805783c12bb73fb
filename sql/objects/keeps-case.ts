/**
 * Lets the sessions of a user tell attributes of payloads apart by their case, as the parameters of Millrace's own
 * warehouses do (https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_USER.html).
 */
export const keepsCase = (user: string) => `alter user ${user} set enable_case_sensitive_identifier to true`;
