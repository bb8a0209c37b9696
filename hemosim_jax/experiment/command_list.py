"""`hemosim-jax list`."""

import inspect
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from hemosim_jax.registry import TASKS, options_of


@dataclass
class Options:
    """None."""


def run(options: Options) -> None:
    """Prints every task."""
    console = Console(highlight=False)
    for env_id, task in TASKS.items():
        variant = task.variants[env_id]
        summary = (inspect.getdoc(variant.environment) or "").splitlines()[0]
        options_of_it = ", ".join(f"{n}={p.default}" for n, p in options_of(env_id).items())
        console.print(f"[bold]{env_id}[/bold]  {escape(summary)}")
        console.print(f"  options: {escape(options_of_it)}")
        console.print(f"  protocols: {', '.join(variant.protocols)}")
