"""An Avro client of the proxy made with the packages websockets and fastavro.

avro.py HOST IN OUT KEYTYPE VALTYPE

It sends each line of its input, a record in JSON, to the path IN and prints the answers. Then
it reads as many records from the path OUT, prints them, and commits the last. A key or value
is null, or the name of its union branch with its content as text: bytes, doubles and floats as
the hexadecimal digits of what Kafka holds.
"""

import io
import json
import struct
import sys
from urllib.request import urlopen

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from websockets.sync.client import connect

BRANCHES = {"int": "int", "short": "int", "long": "long", "double": "double", "float": "float"}
FLOATS = {"double": ">d", "float": ">f"}


def schema(host, name):
    with urlopen(f"http://{host}/schemas/avro/{name}") as answer:
        return parse_schema(json.load(answer))


def encode(schema, message):
    datum = io.BytesIO()
    schemaless_writer(datum, schema, message)
    return datum.getvalue()


def decode(schema, datum):
    if isinstance(datum, str):
        sys.exit(f"an error came: {datum}")
    rest = io.BytesIO(datum)
    message = schemaless_reader(rest, schema)
    if rest.read():
        sys.exit(f"bytes are left over in {datum!r}")
    return message


def from_text(field):
    """Makes what fastavro writes into a union."""
    if field is None:
        return None
    branch, text = field
    if branch == "bytes":
        return branch, bytes.fromhex(text)
    if branch in FLOATS:
        return branch, struct.unpack(FLOATS[branch], bytes.fromhex(text))[0]
    return branch, text if branch == "string" else int(text)


def with_branch(value, format):
    """Names the branch of what fastavro read from a union: of numbers that of the format."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return "bytes", value
    return ("string" if isinstance(value, str) else BRANCHES[format]), value


def to_text(field):
    if field is None:
        return None
    branch, value = field
    if branch == "bytes":
        return branch, value.hex()
    if branch in FLOATS:
        return branch, struct.pack(FLOATS[branch], value).hex()
    return branch, str(value)


def pairs(headers):
    return None if headers is None else [[h["key"], h["value"]] for h in headers]


def named(pairs):
    return None if pairs is None else [{"key": key, "value": value} for key, value in pairs]


def show(message):
    print(json.dumps(message), flush=True)


def produce(host, path, records):
    sent, answered = schema(host, "producer/record"), schema(host, "producer/result")
    with connect(f"ws://{host}{path}") as socket:
        for r in records:
            socket.send(encode(sent, {
                "key": from_text(r["key"]), "value": from_text(r["value"]),
                "headers": named(r["headers"]), "clientMessageId": r["clientMessageId"],
            }))
        for _ in records:
            show(decode(answered, socket.recv()))


def consume(host, path, count, key_type, val_type):
    delivered, commit = schema(host, "consumer/record"), schema(host, "consumer/commit")
    with connect(f"ws://{host}{path}") as socket:
        for _ in range(count):
            frame = socket.recv()
            record = decode(delivered, frame)
            record["key"] = with_branch(record["key"], key_type)
            record["value"] = with_branch(record["value"], val_type)
            if encode(delivered, record) != frame:
                sys.exit(f"fastavro writes {record} in another way than {frame!r}")
            record["key"], record["value"] = to_text(record["key"]), to_text(record["value"])
            record["headers"] = pairs(record["headers"])
            show(record)
        socket.send(encode(commit, {"wsProxyMessageId": record["wsProxyMessageId"]}))


def main(host, produce_path, consume_path, key_type, val_type):
    records = [json.loads(line) for line in sys.stdin]
    produce(host, produce_path, records)
    consume(host, consume_path, len(records), key_type, val_type)


main(*sys.argv[1:])
