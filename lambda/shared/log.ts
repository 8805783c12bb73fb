/** Writes a message as one JSON line, which CloudWatch Logs Insights can query. Statements are logged by name and id, never by text. */
export type Log = (message: string, facts?: Readonly<Record<string, unknown>>) => void;

export const consoleLog: Log = (message, facts) => console.log(JSON.stringify({ message, ...facts }));
