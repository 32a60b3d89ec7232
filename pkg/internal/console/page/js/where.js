// Conditions on records, as somebody writes them: /total >= 20 and header source = shop

const tests = {
  "=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte",
  contains: "contains", prefix: "prefix", in: "in",
};
const one = /^(?:(\/\S*)|header\s+(\S+))\s*(?:(!=|>=|<=|=|>|<|contains\b|prefix\b|in\b)\s*(.*)|(exists|missing))$/is;

// parseWhere returns the tree that /socket/tail takes, undefined for no condition. The error says what is wrong.
export function parseWhere(text) {
  text = text.trim();
  if (!text) return undefined;
  if (text.startsWith("{")) return JSON.parse(text);
  const list = text.split(/\s+and\s+|\n/i).filter(Boolean).map(condition);
  return list.length === 1 ? list[0] : { and: list };
}

function condition(text) {
  const found = one.exec(text.trim());
  if (!found) {
    throw new Error(`\u201c${text}\u201d is no condition: write /total >= 20, or header source = shop, joined by and`);
  }
  const [, pointer, header, test, given, presence] = found;
  const of = pointer === undefined ? { header } : { json: pointer === "/" ? "" : pointer };
  if (presence) return { ...of, exists: presence.toLowerCase() === "exists" };
  const kind = tests[test.toLowerCase()];
  return { ...of, [kind]: operand(kind, given, header) };
}

// operand is what a test compares with: text for headers, but where these are compared as numbers.
function operand(kind, given, header) {
  const compares = /^[gl]te?$/.test(kind);
  if (kind === "in") return given.replace(/^\[|\]$/g, "").split(",").map((one) => value(one.trim(), header));
  if (kind === "contains" || kind === "prefix") return plain(given);
  return value(given, header && !compares);
}

const plain = (text) => (/^".*"$/s.test(text) ? JSON.parse(text) : text);

function value(text, asText) {
  if (asText) return plain(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
