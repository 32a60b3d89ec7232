// Judges an AsyncAPI document, by AsyncAPI's own parser and rules. It ends with 1 where that finds
// errors or warnings; hints are printed only.
'use strict';
const { readFileSync } = require('node:fs');
const { Parser, DiagnosticSeverity } = require('@asyncapi/parser');
const { AvroSchemaParser } = require('@asyncapi/avro-schema-parser');

async function main(path) {
  const parser = new Parser();
  parser.registerSchemaParser(AvroSchemaParser());
  const { document, diagnostics } = await parser.parse(readFileSync(path, 'utf8'));
  for (const d of diagnostics) {
    console.log(`${DiagnosticSeverity[d.severity]} ${d.code} at ${d.path.join('.')}: ${d.message}`);
  }
  const bad = diagnostics.some((d) => d.severity <= DiagnosticSeverity.Warning);
  console.log(document ? `${document.allMessages().length} messages, ${document.allOperations().length} operations` : 'no document');
  process.exitCode = bad || !document ? 1 : 0;
}

main(process.argv[2]);
