"""A group of commands that imports a command's module when the command is called, and not for the group's own help."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click


class Lazy(NamedTuple):
    """Where a command is (`module:object`), and the first sentence of its help, for the list of commands."""

    place: str
    sentence: str

    def load(self) -> click.Command:
        """The command itself."""
        module, _, name = self.place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class LazyGroup(click.Group):
    """A click group whose commands are named in `lazy`, beside those that are added to it as usual."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in order."""
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported; None where there is none of this name."""
        if cmd_name in self.lazy:
            return self.lazy[cmd_name].load()
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """The command; where somebody stops it, that is said, and what it started is ended before it."""
        from pipelines.commands.stopping import StoppedError, stoppable
        from pipelines.runtime.errors import ChurnError, system_faults

        try:
            with stoppable(), system_faults():
                return super().invoke(ctx)
        except StoppedError as stopped:
            click.echo(f"\n{stopped}", err=True)
            sys.exit(stopped.code)
        except ChurnError as error:  # commands say their own; this is what the disk or its rights refused
            click.echo(f"\n{error}", err=True)
            sys.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands as click writes it, out of the sentences that are known without the modules."""
        named = {name: click.Command(name, help=one.sentence) for name, one in self.lazy.items()}
        click.Group(commands={**self.commands, **named}).format_commands(ctx, formatter)
