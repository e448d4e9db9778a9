"""How the core says no."""

from typing import Any


class Refusal(Exception):
    """The service refuses a call: an AWS error code, a message and the error's other members.

    The HTTP adapters look the status and the allowed members up in the service's model.
    """

    def __init__(self, code: str, message: str, /, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.members = members


def conflict(message: str, resource_id: str, resource_type: str) -> Refusal:
    return Refusal(
        "ConflictException",
        message,
        code="CONFLICT",
        resourceId=resource_id,
        resourceType=resource_type,
    )


def not_found(resource_id: str, resource_type: str) -> Refusal:
    message = f"{resource_type} {resource_id} does not exist"
    return Refusal(
        "ResourceNotFoundException",
        message,
        code="NOT_FOUND",
        resourceId=resource_id,
        resourceType=resource_type,
    )


def invalid(field: str, message: str) -> Refusal:
    fields = [{"name": field, "message": message}]
    return Refusal(
        "ValidationException",
        f"{field}: {message}",
        reason="fieldValidationFailed",
        fieldList=fields,
    )


def over_quota(message: str, quota_code: str, resource_type: str) -> Refusal:
    return Refusal(
        "ServiceQuotaExceededException",
        message,
        code="QUOTA_EXCEEDED",
        resourceType=resource_type,
        serviceCode="drs",
        quotaCode=quota_code,
    )
