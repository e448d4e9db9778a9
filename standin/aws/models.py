"""botocore's service models of the three services, and a checker for each."""

from typing import Any, cast

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session

from standin.aws.shapes import ShapeChecker

_session = Session()
DRS: ServiceModel = _session.get_service_model("drs")
EC2: ServiceModel = _session.get_service_model("ec2")
STS: ServiceModel = _session.get_service_model("sts")
REGIONS: list[str] = sorted(_session.get_available_regions("ec2"))

SERVICES: dict[str, ServiceModel] = {"drs": DRS, "ec2": EC2, "sts": STS}
CHECKERS: dict[str, ShapeChecker] = {
    "drs": ShapeChecker(),
    "ec2": ShapeChecker(iso_timestamps=True),
    "sts": ShapeChecker(iso_timestamps=True),
}


def operation(service: str, name: str) -> OperationModel:
    return SERVICES[service].operation_model(name)


def shape(service: str, name: str) -> Shape:
    return SERVICES[service].shape_for(name)


def error_shape(service: str, code: str) -> StructureShape | None:
    """The modelled error of that name; most errors of EC2 and STS are not modelled."""
    model: Any = SERVICES[service]  # the stubs take the code for a number
    return cast("StructureShape | None", model.shape_for_error_code(code))
