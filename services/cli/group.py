"""The command group: errors of the product become one line and an exit code."""

from typing import Any

import click

from cache.errors import InvalidInput, RecoverySyncError
from services.settings import Settings
from services.sync.wiring import SyncWiring


class _Commands(click.Group):
    """Turns the product's own errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise click.UsageError(str(error), ctx) from error
        except RecoverySyncError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Which servers already have a recovery instance: sync, look, look after.

    The environment says which deployment (see the README); a running local stack leaves it in
    .local/env.
    """
    ctx.obj = SyncWiring(Settings.from_env())
