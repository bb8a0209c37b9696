"""What treatments do to mortality and bleeding in DIC, beside trials and meta-analyses.

    python -m benchmarks.dic_treatments [--patients 20000]

Every arm has the same patients and the same chance; both arms get products by the guideline and no
heparin but where the arm says so. Ratios of risks of death by day 28 and of severe bleeding (major
bleeding in the sources), with the intervals of the sources. Fitted: how much of the damage to
organs is microthrombi (heparin's ratio), thrombomodulin's effect on TAT and D-dimer, how much
antithrombin and heparin reach the vessels, what both do to bleeding, and how few platelets block.
The other ratios were seen while constants were chosen.
"""

import argparse
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import hemosim_jax
from benchmarks.dic_causes import of_one_cause
from benchmarks.hardware import description
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.registry import protocols_of

STEPS_PER_DAY = 6


class Comparison(NamedTuple):
    """An arm on top of usual care, and what was published."""

    name: str
    cause: str
    act: dict  # field of the action: index by decision
    death: tuple[float, float, float]  # risk ratio, interval
    bleeding: tuple[float, float, float] | None
    source: str


def _every(steps, index, until, first=None):
    def at(step):
        due = (step % steps == 0) & (step < until)
        return jnp.where((step == 0) & (first is not None), first or 0, jnp.where(due, index, 0))

    return at


WEEK = 7 * STEPS_PER_DAY
COMPARISONS = (
    Comparison(
        "heparin 500 U/h, a week",
        "sepsis",
        {"heparin_u_per_h": _every(1, 1, WEEK)},
        (0.82, 0.72, 0.94),
        (1.10, 0.54, 2.23),
        "Fu 2022",
    ),
    Comparison(
        "antithrombin 6000 U, 1500 U every 8 h, 4 days",
        "sepsis",
        {"antithrombin_u": _every(2, 1, 4 * STEPS_PER_DAY, first=2)},
        (0.95, 0.88, 1.03),
        (1.58, 1.35, 1.84),
        "Allingstrup 2016",
    ),
    Comparison(
        "thrombomodulin 380 U/kg a day, 6 days",
        "sepsis",
        {"thrombomodulin_doses": _every(STEPS_PER_DAY, 1, 6 * STEPS_PER_DAY)},
        (0.87, 0.74, 1.03),
        None,
        "Yamakawa 2019",
    ),
    Comparison(
        "cryoprecipitate, 6 g of fibrinogen early",
        "trauma",
        {"cryoprecipitate_units": _every(1, 2, 2)},
        (0.97, 0.81, 1.16),
        None,
        "CRYOSTAT-2",
    ),
    Comparison(
        "plasma and platelets early (6 and 4 units)",
        "trauma",
        {"plasma_units": _every(1, 3, 1), "platelet_units": _every(1, 3, 1)},
        (0.86, 0.65, 1.12),
        None,
        "PROPPR (recalled)",
    ),
    Comparison(
        "prothrombin complex 2000 U",
        "trauma",
        {"prothrombin_complex_u": _every(1, 2, 1)},
        (0.81, 0.52, 1.27),
        None,
        "PROCOAG",
    ),
    Comparison(
        "tranexamic acid 1 g twice, at once",
        "trauma",
        {"tranexamic_acid_g": _every(1, 1, 2)},
        (1.00, 0.90, 1.13),
        None,
        "CRASH-2, after 3 h",
    ),
    Comparison(
        "platelets 4 units a day",
        "sepsis",
        {"platelet_units": _every(STEPS_PER_DAY, 3, WEEK)},
        (1.21, 1.01, 1.46),
        None,
        "matched cohort (odds)",
    ),
    Comparison(
        "plasma 4 units once",
        "sepsis",
        {"plasma_units": _every(1, 2, 1)},
        (1.0, 0.9, 1.1),
        None,
        "no effect known",
    ),
)


def arm(env, added):
    """The guideline without its heparin, and what the arm adds."""
    base = protocols_of(env)["guideline"]
    names = [field.name for field in env.action_fields.fields]

    def act(key, carry, observation):
        action, _ = base.act(key, (), observation)
        action = action.at[names.index("heparin_u_per_h")].set(0)
        for name, at in added.items():
            i = names.index(name)
            action = action.at[i].set(jnp.maximum(action[i], at(carry)).astype(action.dtype))
        return action, carry + 1

    return Policy("arm", lambda params: jnp.zeros((), jnp.int32), act)


def outcomes(env, params, policy, patients):
    """Of each patient: risk of death by day 28, and whether ever in a severe bleed."""
    steps = int(params.max_steps_in_episode)

    def one(key):
        course = episode(env, params, policy, steps, key)
        last = jnp.sum(course.alive) - 1
        severe = jnp.any(course.info["severe_bleeding"] & course.alive)
        return course.info["risk_28_d"][last], severe

    keys = jax.random.split(jax.random.key(22), patients)
    return tuple(map(np.asarray, jax.jit(jax.vmap(one))(keys)))


def ratio(treated, usual):
    """Of two means, and its 95 % interval over patients."""
    treated, usual = treated.astype(float), usual.astype(float)
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(usual), (500, len(usual)))
    ratios = treated[draws].mean(1) / usual[draws].mean(1)
    return treated.mean() / usual.mean(), *np.percentile(ratios, (2.5, 97.5))


def _shown(values):
    return f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    options = parser.parse_args()
    console = Console(width=100)
    console.print(description())
    title = f"{options.patients:,} patients an arm"
    death = Table("arm", "in", "dead, %", "RR", "published", "source", title=title)
    bleeding = Table("arm", "severe bleed, %", "RR", "published")
    usual = {}
    for one in COMPARISONS:
        env, params = hemosim_jax.make("DICManagement-v1", treatments="all")
        params = of_one_cause(params, one.cause)
        if one.cause not in usual:
            usual[one.cause] = outcomes(env, params, arm(env, {}), options.patients)
        treated = outcomes(env, params, arm(env, one.act), options.patients)
        rows = [
            (f"{100 * ours.mean():.1f} and {100 * control.mean():.1f}", ratio(ours, control))
            for ours, control in zip(treated, usual[one.cause], strict=True)
        ]
        (dead, of_death), (bled, of_bleeding) = rows
        death.add_row(one.name, one.cause, dead, _shown(of_death), _shown(one.death), one.source)
        published = _shown(one.bleeding) if one.bleeding else "-"
        bleeding.add_row(one.name, bled, _shown(of_bleeding), published)
    console.print(death)
    console.print(bleeding)


if __name__ == "__main__":
    main()
