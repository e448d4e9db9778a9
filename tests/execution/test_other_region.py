"""Two regions share the execution history, and each keeps to what it started itself."""

from services.platform.executions import Executions
from tests.execution.deployment import Deployment


def test_a_start_does_not_take_over_what_another_region_drives(deployment: Deployment) -> None:
    """What a region watches, and may close, is its own: it cannot see another one's machine."""
    place = deployment.place(0)
    started_here = deployment.begin((place, deployment.protect(place, 1)))
    client, settings = deployment.wiring.dynamodb, deployment.wiring.settings
    turns = f"{settings.sync_status_table}-elsewhere"
    client.create_table(
        TableName=turns,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    elsewhere = Executions(client, settings.execution_history_table, turns)
    assert started_here in {it.execution_id for it in elsewhere.running()}
    row = deployment.execution(started_here)
    elsewhere.begin(row.model_copy(update={"execution_id": "theirs"}), lambda _: None)
    assert elsewhere.open() == ["theirs"]
    deployment.executions.begin(row.model_copy(update={"execution_id": "ours"}), lambda _: None)
    assert {started_here, "ours"} <= set(deployment.executions.open())
    assert "theirs" not in deployment.executions.open()
