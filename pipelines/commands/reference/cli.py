"""The commands of `churn` with their arguments and options, the exit codes, the commands of `make`, and the stages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import yaml

from pipelines.commands.app import main
from pipelines.commands.reference.markdown import code, table
from pipelines.commands.scheduled import CODES, MEND
from pipelines.commands.stopping import STOPPED

DONE = 0
EXIT_WORDS = {
    "0": ("done, or there was nothing left to do", "go on"),
    "1": ("something to mend: files, settings, a model of another question; said in words", "tell somebody"),
    "2": ("wrong use of the command", "tell somebody"),
    "3": ("nobody to score: no rows, no activity before the day, no customers", "tell somebody, if that cannot be"),
    "4": (
        "a check of the data failed; the former output is untouched",
        "tell somebody; see the page that the message names",
    ),
    "5": ("another run is at work, or MLflow does not answer", "try again later"),
    "130": ("stopped by Ctrl-C (SIGINT), with all that it had started", "run it again; it goes on"),
    "143": ("stopped by SIGTERM, with all that it had started", "run it again; it goes on"),
}


def commands() -> str:
    """A heading for every command, what it does, and a table of what it takes."""
    return "\n\n".join(_written(name, command) for name, command in _commands("churn", main))


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):  # of a lazy group each is loaded here
            inner = command.get_command(context, part)
            if inner is not None:
                yield from _commands(f"{name} {part}", inner)


def _written(name: str, command: click.Command) -> str:
    taken = [param for param in command.params if not (isinstance(param, click.Option) and param.hidden)]
    arguments = [param for param in taken if isinstance(param, click.Argument)]
    usage = " ".join([name, *(_argument(one) for one in arguments)])
    rows = [_option(param) for param in taken if isinstance(param, click.Option)]
    parts = [
        f"### `{usage}`",
        re.sub(r"\s*\n\s*\n\s*", "\n\n", command.help or "").strip(),
        table(("option", "value", "default", "what it does"), rows) if rows else "",
        command.epilog or "",
    ]
    return "\n\n".join(part for part in parts if part)


def _argument(argument: click.Argument) -> str:
    name = str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _option(option: click.Option) -> tuple[str, str, str, str]:
    names = ", ".join(code(name) for name in sorted(option.opts, key=len, reverse=True))
    value = "" if option.is_flag else code(_value(option))
    words, _, said = (option.help or "").partition("  [default: ")
    default = said.removesuffix("]") or (str(option.default) if option.show_default else "")
    return names, value, "required" if option.required else default, words


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " or ".join(map(str, option.type.choices))
    return option.metavar or option.type.name.upper()


def exit_codes() -> str:
    """One row per exit code of the commands that a scheduler runs.

    Raises:
        KeyError: the command line has a code that nobody described.
    """
    numbers = sorted({DONE, MEND, click.UsageError.exit_code, *CODES.values(), *STOPPED})
    rows = [(str(number), *EXIT_WORDS[str(number)]) for number in numbers]
    return table(("exit code", "meaning", "what a scheduler should do"), rows, right=("exit code",))


def make_targets(makefile: Path = Path("Makefile")) -> str:
    """The commands of `make`, as `make help` explains them."""
    found = re.findall(r"(?m)^([a-z][a-z-]*):[^#\n]*## (.+)$", makefile.read_text(encoding="utf-8"))
    return table(("command", "what it does"), [(code(f"make {name}"), words) for name, words in found])


def stages(graph: Path = Path("dvc.yaml")) -> str:
    """The stages of the graph in their order: what each does, and what it writes."""
    rows = []
    for name, stage in yaml.safe_load(graph.read_text(encoding="utf-8"))["stages"].items():
        each = stage.get("do", stage)
        every = each.get("outs", []) + each.get("metrics", []) + each.get("plots", [])
        outs = [next(iter(out)) if isinstance(out, dict) else out for out in every]
        rows.append((code(name), each["desc"], ", ".join(code(re.sub(r"\$\{([^}]+)\}", r"{\1}", out)) for out in outs)))
    return table(("stage", "what it does", "what it writes"), rows)
