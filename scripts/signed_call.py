"""`python -m scripts.signed_call ENV METHOD PATH [BODY]`: one call of a deployment's API with the
caller's AWS credentials.

Prints the answer. Exit code 1 when its status is an error's. The address is the stack's ApiUrl, or
API_URL with {id} for the API's id.
"""

import os
import sys
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from scripts.deployment.parameters import read
from scripts.deployment.stacks import Stacks


def main(environment: str, method: str, path: str, body: str | None = None) -> int:
    """Calls and prints."""
    stack = read(environment, [], region=boto3.Session().region_name or "").stack
    url = Stacks(boto3.client("cloudformation")).outputs(stack)["ApiUrl"]
    identity = str(urlsplit(url).hostname).partition(".")[0]
    url = os.environ.get("API_URL", "").replace("{id}", identity) or url
    session = botocore.session.get_session()
    headers = {"content-type": "application/json"}
    request = AWSRequest(method=method, url=url + path, data=body, headers=headers)
    region = session.get_config_variable("region")
    SigV4Auth(session.get_credentials(), "execute-api", region).add_auth(request)  # type: ignore[arg-type]
    answer = URLLib3Session(timeout=40).send(request.prepare())
    print(answer.text)
    return int(answer.status_code >= 400)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
