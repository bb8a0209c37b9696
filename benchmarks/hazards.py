"""The same orders decided more or less often: whether the chance of an event depends on the step.

    python -m benchmarks.hazards [--patients 200000]

Shares of patients with an event over the same hours on the same orders, ends of episodes that are
no such events ignored, by the length of a step. The patients are the same, so that what differs is
what varies within them between two decisions; the last column is the largest difference between
two lengths, in its standard errors as if they were not.
"""

import argparse
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import hemosim_jax
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.tasks.lmwh.environment import EnoxaparinDosing

BLOCK = 10_000


class Orders(NamedTuple):
    """What is given over `until`, and the events that are counted."""

    env: TreatmentEnvironment
    params: Any
    first: Any  # the first action, and all others
    then: Any
    until: float  # in the task's unit of time
    steps: tuple[float, ...]
    events: tuple[str, ...]


def orders():
    """Of every task with hazards, in its hard tier."""
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="hard")
    often = params.replace(
        terminal_aptt_s=jnp.float32(1e6), terminal_platelets_1e9_per_l=jnp.float32(0.0)
    )
    first, then = (env.encode_action(1300.0, bolus=bolus) for bolus in (True, False))
    hours = (0.25, 1.0, 6.0, 12.0)
    yield Orders(env, often, first, then, 48.0, hours, ("major_bleed", "thrombosis"))

    env = EnoxaparinDosing("hard")
    action = env.encode_action(1.0, once_daily=False)
    events = ("major_bleed", "recurrence")
    yield Orders(env, env.default_params, action, action, 48.0, hours, events)

    env, params = hemosim_jax.make("DICManagement-v1", difficulty="hard")
    nobody = params.patients.replace(bleeding_ratio=jnp.float32(0.0))
    action = env.encode_action(0, 0, 0, 0)
    params = params.replace(patients=nobody)
    yield Orders(env, params, action, action, 24.0, hours, ("bleeding", "died"))

    env, params = hemosim_jax.make("DOACManagement-v0", difficulty="medium")
    action = env.encode_action(0, 1)
    events = ("stroke", "major_bleed", "fatal")
    yield Orders(env, params, action, action, 8640.0, (24.0, 240.0, 720.0), events)


def shares(one: Orders, step, patients):
    """By event, the share of patients who had it; those whose episode an event ended are done."""
    params = one.params.replace(decision_interval=jnp.float32(step))

    def course(key):
        key_patient, key_steps = jax.random.split(key)
        state = one.env.initial_state(one.env.sample_patient(key_patient, params), params)

        def decide(carry, index):
            state, alive, happened = carry
            action = jax.tree.map(lambda a, b: jnp.where(index == 0, a, b), one.first, one.then)
            key = jax.random.fold_in(key_steps, index)
            _, later, _, ended, info = one.env.step_env(key, state, action, params)
            now = [alive & (info[name] > 0) for name in one.events]
            return (later, alive & ~ended, [a | b for a, b in zip(happened, now, strict=True)]), ()

        none = [jnp.zeros((), bool)] * len(one.events)
        steps = jnp.arange(round(one.until / step))
        (_, _, happened), _ = jax.lax.scan(decide, (state, jnp.ones((), bool), none), steps)
        return jnp.stack(happened)

    run = jax.jit(jax.vmap(course))
    blocks = jax.random.split(held_out(20).key(), max(patients // BLOCK, 1))
    counts = [np.asarray(run(jax.random.split(key, BLOCK))).sum(0) for key in blocks]
    return np.sum(counts, axis=0) / (len(blocks) * BLOCK)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200_000)
    options = parser.parse_args()
    table = Table("task", "event", "over", "shares by step, %", "largest", padding=(0, 1))
    for one in orders():
        found = {step: shares(one, step, options.patients) for step in one.steps}
        for index, event in enumerate(one.events):
            share = {step: float(values[index]) for step, values in found.items()}
            error = {s: np.sqrt(p * (1.0 - p) / options.patients) for s, p in share.items()}
            apart = max(
                abs(share[a] - share[b]) / max(np.hypot(error[a], error[b]), 1e-12)
                for a, b in itertools.combinations(one.steps, 2)
            )
            by_step = ", ".join(f"{s:g}: {100 * p:.3f}" for s, p in share.items())
            over = f"{one.until:g} {one.env.time_unit}"
            table.add_row(one.env.name, event, over, by_step, f"{apart:.1f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
