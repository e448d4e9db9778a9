"""Handlers for the front's own tests: they answer with what
they were given, or misbehave on request.
"""

import json
import os
import time
from typing import Any


def echo(event: dict[str, Any], context: Any) -> Any:
    """Proxy events come back as a JSON body; direct events do what their `do` says."""
    if "httpMethod" in event:
        return proxied(event)
    match event.get("do"):
        case "raise":
            raise ValueError("as asked")
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(event["seconds"])
        case "await":
            while not os.path.exists(event["file"]):
                time.sleep(0.01)
        case "append":
            with open(event["file"], "a") as target:
                target.write(event["text"])
    return {"event": event, "pid": os.getpid(), "millis": context.get_remaining_time_in_millis()}


def proxied(event: dict[str, Any]) -> Any:
    """An API answer; the path parameter `planId` chooses the odd ones."""
    match (event["pathParameters"] or {}).get("planId"):
        case "no-status":
            return {"body": "x"}
        case "raises":
            raise ValueError("as asked")
        case "binary":
            return {"statusCode": 200, "body": "AAH/", "isBase64Encoded": True}
    headers = {"content-type": "application/json", "x-echo": "yes"}
    cookies = {"set-cookie": ["a=1", "b=2"]}
    return {
        "statusCode": 200,
        "headers": headers,
        "multiValueHeaders": cookies,
        "body": json.dumps(event),
    }


def record(event: dict[str, Any], _context: Any) -> None:
    """Keeps every event, as a line of the file that RECORD names."""
    with open(os.environ["RECORD"], "a") as target:
        target.write(json.dumps(event) + "\n")
