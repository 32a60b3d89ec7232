"""What schemathesis cannot know from the OpenAPI document."""

import re

import schemathesis

LEGAL_TOPIC = re.compile(r"(\.{0,2}[A-Za-z0-9_-]|\.{3})[A-Za-z0-9._-]*")


@schemathesis.hook
def before_load_schema(context, schema):
    """No socket is opened: schemathesis cannot use one. The suite tests the headers."""
    for path in ("/socket/in", "/socket/out"):
        item = schema["paths"][path]
        del item["get"]["parameters"]
        item["parameters"] = [p for p in item["parameters"] if not p.get("$ref", "").endswith("/origin")]


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter is a missing one, and not wrong where it may be missing. Arrays and objects
    can be written so that there is one value of their parameter, or none."""
    return not any(v in ("", None) or isinstance(v, (list, dict)) for v in (query or {}).values())


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path.startswith("/socket/"):
        existing_topic(case.query)
    if case.path.startswith("/admin/client/config/"):
        same_id(case)


def existing_topic(query):
    """A legal topic is one that exists."""
    topic = query.get("topic")
    if isinstance(topic, str) and LEGAL_TOPIC.fullmatch(topic) and not topic.startswith("__"):
        query["topic"] = "demo"


def same_id(case):
    """The id in the body is that of the path, and the defaults are not to be changed."""
    for name, value in case.path_parameters.items():
        if value == "__DEFAULT__":
            case.path_parameters[name] = "dashboard"
    if isinstance(case.body, dict):
        for name in ("group-id", "producer-id"):
            if isinstance(case.body.get(name), str):
                del case.body[name]
