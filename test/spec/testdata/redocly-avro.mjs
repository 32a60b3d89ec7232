// Redocly reads the Avro schema of a message as if it were a JSON Schema. This takes the Avro
// schemas out; the AsyncAPI parser judges them.
export default function avro() {
  return {
    id: 'avro',
    preprocessors: {
      async3: {
        aside: () => ({
          MultiFormatSchema: {
            enter(payload) {
              if (payload.schemaFormat.startsWith('application/vnd.apache.avro')) payload.schema = {};
            },
          },
        }),
      },
    },
  };
}
