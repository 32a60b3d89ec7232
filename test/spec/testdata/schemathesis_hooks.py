"""What schemathesis cannot know from the OpenAPI document."""

import re

import schemathesis

LEGAL_TOPIC = r"(\.{0,2}[A-Za-z0-9_-]|\.{3})[A-Za-z0-9._-]*"
LEGAL_TOPICS = {
    "/socket/in": re.compile(LEGAL_TOPIC),
    "/socket/out": re.compile(LEGAL_TOPIC),
    "/socket/tail": re.compile(f"{LEGAL_TOPIC}(,{LEGAL_TOPIC}){{0,15}}"),
    "/socket/queue": re.compile(LEGAL_TOPIC),
}
# Those of /socket/tail that may be repeated, or whose schema as text does not tell what is in it. The suite tests them.
LEFT_OUT = ("after", "key", "keyPrefix", "where")


@schemathesis.hook
def before_load_schema(context, schema):
    """No socket is opened: schemathesis cannot use one. The suite tests the headers."""
    for path in LEGAL_TOPICS:
        item = schema["paths"][path]
        del item["get"]["parameters"]
        item["parameters"] = [
            p for p in item["parameters"] if not p.get("$ref", "").endswith("/origin") and p.get("name") not in LEFT_OUT
        ]


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter is a missing one, and not wrong where it may be missing. Arrays and objects
    can be written so that there is one value of their parameter, or none."""
    return not any(v in ("", None) or isinstance(v, (list, dict)) for v in (query or {}).values())


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path.startswith("/socket/"):
        existing_topic(case)
        instance_of_transactions(case.query)
        only_with_json(case.query)
        only_at_the_end(case.query)
    if case.path.startswith("/admin/client/config/"):
        same_id(case)
    if "/offsets/alter/" in case.path and isinstance(case.body, list):
        case.body = existing_offset(case.body)


def existing_topic(case):
    """A legal topic is one that exists, and none comes twice."""
    topic = case.query.get("topic")
    if isinstance(topic, str) and LEGAL_TOPICS[case.path].fullmatch(topic) and not topic.startswith("__"):
        case.query["topic"] = "demo"


def instance_of_transactions(query):
    """Transactions have an instance, which no schema of single parameters can say."""
    if query.get("transactional") in (True, "true"):
        query.setdefault("instanceId", "sensors-1")


def only_with_json(query):
    """Messages are fitted to a limit, and batched, in JSON alone, which no schema of single parameters can say."""
    bound = "maxMessageBytes" in query or query.get("batch") in (True, "true")
    if bound and str(query.get("socketPayload")).lower() == "avro":
        query["socketPayload"] = "json"


def only_at_the_end(query):
    """A snapshot goes with few places to begin at, which no schema of single parameters can say."""
    if query.get("snapshot") in (True, "true"):
        query.pop("from", None)


def same_id(case):
    """The id in the body is that of the path, and the defaults are not to be changed."""
    for name, value in case.path_parameters.items():
        if value == "__DEFAULT__":
            case.path_parameters[name] = "dashboard"
    if isinstance(case.body, dict):
        for name in ("group-id", "producer-id"):
            if isinstance(case.body.get(name), str):
                del case.body[name]


def existing_offset(offsets):
    """Offsets that the document has are of one partition and of the topic in the path, and exist."""
    wrong = [o for o in offsets if not is_offset(o)]
    right = [{**o, "partition": 0, "offset": 0} for o in offsets if is_offset(o)][:1]
    for offset in right:
        offset.pop("topic", None)
    return right + wrong


def is_offset(offset):
    """What the schema of an offset says."""
    if not isinstance(offset, dict) or not offset.keys() <= {"topic", "partition", "offset", "metadata"}:
        return False
    metadata = offset.get("metadata")
    return (
        isinstance(offset.get("topic", ""), str)
        and is_integer(offset.get("partition"), 2**31 - 1)
        and is_integer(offset.get("offset"), 2**63 - 1)
        and (metadata is None or isinstance(metadata, str) and len(metadata) <= 4096)
    )


def is_integer(value, most):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value) and 0 <= value <= most
