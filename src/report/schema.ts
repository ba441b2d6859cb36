/** Parts of the JSON Schemas of reports. Draft 7, as the settings' schema. Not part of any bundle. */
export const TEXT = { type: "string" };
export const FROM_ONE = { type: "integer", minimum: 1 };
export const OID = { type: "string", pattern: "^(?:[0-9a-f]{40}|[0-9a-f]{64})$" };

export function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", additionalProperties: false, required, properties };
}

export function list(items: object, description?: string): object {
  return { type: "array", ...(description !== undefined && { description }), items };
}

export function formatSchema(title: string, shape: object): string {
  return `${JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", title, ...shape }, null, 2)}\n`;
}
