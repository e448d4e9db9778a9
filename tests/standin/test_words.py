"""The documentation names what there is."""

from pathlib import Path

from standin.aws.gate import IMPLEMENTED
from standin.aws.loading import KINDS
from standin.aws.weather import EFFECTS, MATCHES

TEXT = (Path(__file__).parents[2] / "standin" / "README.md").read_text()


def test_the_documentation_names_every_operation_effect_and_kind() -> None:
    """An operation or a fault that nobody can find is not there."""
    names = {name for service in IMPLEMENTED.values() for name in service}
    missing = [
        name
        for name in (*sorted(names), *EFFECTS, *MATCHES, *KINDS, "initialized")
        if name not in TEXT
    ]
    assert missing == []
