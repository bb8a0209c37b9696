"""`hemosim-jax COMMAND`. Each command is a module, imported when it is used."""

import dataclasses
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import tyro

# A module of this folder each, with the options (`Options`) and what to do with them (`run`).
COMMANDS = {
    "list": "The tasks with their options and protocols.",
    "train": "Train an agent, then hold it against the protocols on patients it never saw.",
    "evaluate": "Hold protocols and trained runs against each other on the same patients.",
    "simulate": "Follow virtual patients, or one described in a file, under a policy or a regimen.",
    "dataset": "Write courses of mixed policies as a Minari dataset.",
}


def main(arguments: list[str] | None = None) -> None:
    """The command line. A user's mistake ends in one line on stderr and exit status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(f"hemosim-jax {version('hemosim_jax')}")  # noqa: T201
        return
    if not arguments or arguments[0] not in COMMANDS:
        _overview(arguments)
        return
    name, *rest = arguments
    module: Any = import_module(f"hemosim_jax.experiment.command_{name}")
    options = tyro.cli(
        module.Options, prog=f"hemosim-jax {name}", args=rest, description=COMMANDS[name]
    )
    try:
        module.run(options)
    except (ValueError, KeyError, OSError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        print(f"hemosim-jax: {reason}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        hint = "; train --resume goes on" if name == "train" else ""
        print(f"hemosim-jax: interrupted{hint}", file=sys.stderr)  # noqa: T201
        raise SystemExit(130) from None


def _overview(arguments: list[str]) -> None:
    """The help, or what is wrong with a name that is no command."""
    commands = {
        name: dataclasses.make_dataclass(name, [], namespace={"__doc__": meaning})
        for name, meaning in COMMANDS.items()
    }
    tyro.extras.subcommand_cli_from_dict(
        commands,
        prog="hemosim-jax",
        args=arguments or ["--help"],
        sort_subcommands=False,
        description="Patients as differential equations. COMMAND --help has the options; "
        "--version the version.",
    )


if __name__ == "__main__":
    main()
