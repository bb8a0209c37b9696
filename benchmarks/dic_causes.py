"""Patients with DIC by cause under the guideline, beside what was published of such patients.

    python -m benchmarks.dic_causes [--patients 20000]

Medians and quartiles of fibrinogen, platelets, antithrombin, PT (over normal) and D-dimer on
admission and after a day, with published quartiles; then mortality by cause and by ISTH score.
Platelets, fibrinogen, antithrombin and mortality of the medium tier were used to choose the causes'
parameters; the other tiers, PT and mortality by score were not.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.evaluation.streams import training
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.dic.population import CAUSES

VALUES = (
    "fibrinogen_g_per_l",
    "platelets_1e9_per_l",
    "antithrombin",
    "pt_ratio",
    "d_dimer_mg_per_l",
)
# Quartiles; of a mean ± SD those of a normal distribution. Sepsis, easy: PROWESS on entry
# (Kinasewitz 2004), PT over the middle of its normal range; fibrinogen 4.9 ± 2.1 (Clauss). Medium:
# Iba 2017 (survivors and dead), antithrombin and D-dimer as above. Hard: Goto 2022, the severe
# phenotype. Trauma: Schöchl 2014, who needed factors. Obstetric: Tempfer 2009. Malignancy,
# vascular: recalled and uncertain. D-dimer by other assays than PROWESS's cannot be compared.
PUBLISHED = {
    ("easy", "sepsis"): ((3.5, 6.3), (118, 251), (0.44, 0.75), (1.32, 1.76), (2.2, 8.3)),
    ("medium", "sepsis"): ((3.5, 6.3), (29, 89), (0.44, 0.75), (1.16, 1.64), (2.2, 8.3)),
    ("hard", "sepsis"): ((1.41, 3.28), (29, 99), (0.42, 0.60), (1.4, 2.1), None),
    ("medium", "trauma"): ((1.2, 2.0), (165, 217), (0.51, 0.71), (1.25, 1.61), None),
    ("medium", "malignancy"): ((2.0, 3.0), (40, 70), (0.70, 0.80), (1.3, 1.4), None),
    ("medium", "obstetric"): ((1.4, 3.0), (28, 158), (0.56, 0.85), None, None),
    ("medium", "vascular"): ((0.8, 1.6), (60, 110), (0.85, 1.00), (1.1, 1.3), None),
}
# Dead in 28 days, %, of treated patients. Overt sepsis 42 (pooled) to 48; trauma 36 and 39;
# leukemia 28, stage IV cancer 29 to 30; obstetric 6 (49 women); aneurysm 22 (9 typical cases).
MORTALITY = {"sepsis": "42-48 (overt)", "trauma": "36-39", "malignancy": "28-30"}
MORTALITY |= {"obstetric": "6", "vascular": "22"}


def of_one_cause(params, cause):
    """Parameters whose patients all have this disease."""
    shares = tuple(jnp.float32(one.name == cause) for one in CAUSES)
    return params.replace(patients=params.patients.replace(cause_shares=shares))


def follow(tier, cause, patients):
    """Read-outs by patient and decision, who is alive at each, and the risk of death in the end."""
    env, params = hemosim_jax.make("DICManagement-v1", difficulty=tier)
    params = of_one_cause(params, cause)
    policy, steps = protocols_of(env)["guideline"], int(params.max_steps_in_episode)
    keys = jax.random.split(training(19).key(), patients)
    courses = jax.jit(jax.vmap(lambda key: episode(env, params, policy, steps, key)))(keys)
    alive = np.asarray(courses.alive)
    info = {name: np.asarray(x) for name, x in courses.info.items()}
    first = {name: np.asarray(x) for name, x in courses.first_info.items()}
    for read in (info, first):
        read["pt_ratio"] = read["pt_s"] / NORMAL_PT_S
    risk = info["risk_28_d"][np.arange(patients), alive.sum(axis=1) - 1]
    return first, info, alive, risk


def _quartiles(values):
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3g} ({low:.3g}-{high:.3g})", middle


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    options = parser.parse_args()
    console = Console(width=150)
    console.print(description())
    table = Table("tier", "cause", "when", *VALUES, title="median (quartiles); * within published")
    scores, risks, dead = [], [], []
    within = {"on admission": 0, "at 24 h": 0}
    for (tier, cause), published in PUBLISHED.items():
        first, info, alive, risk = follow(tier, cause, options.patients)
        score = first["isth_score"]
        scores.append(score)
        risks.append(risk)
        overt = score >= 5
        dead.append(
            (tier, cause, risk.mean(), risk[overt].mean(), risk[~overt].mean(), overt.mean())
        )
        day = alive[:, 5]
        rows = {
            "on admission": {name: first[name] for name in VALUES},
            "at 24 h": {name: info[name][day, 5] for name in VALUES},
        }
        for when, values in rows.items():
            cells = []
            for name, bounds in zip(VALUES, published, strict=True):
                shown, median = _quartiles(values[name])
                inside = bounds is not None and bounds[0] <= median <= bounds[1]
                within[when] += inside
                cells.append(shown + ("*" if inside else ""))
            table.add_row(tier, cause, when, *cells)
        cells = [f"{b[0]:g}-{b[1]:g}" if b else "-" for b in published]
        table.add_row("", "", "published", *cells, end_section=True)
    console.print(table)
    compared = sum(bounds is not None for row in PUBLISHED.values() for bounds in row)
    console.print(
        f"medians within published quartiles, of {compared}: "
        + ", ".join(f"{when} {count}" for when, count in within.items())
    )
    table = Table(
        "tier", "cause", "dead, %", "overt on admission", "not overt", "overt, %", "published"
    )
    for tier, cause, *values in dead:
        shown = [f"{100 * x:.1f}" for x in values]
        table.add_row(tier, cause, *shown, MORTALITY[cause] if tier == "medium" else "")
    console.print(table)
    score, risk = np.concatenate(scores), np.concatenate(risks)
    by_score = ", ".join(
        f"{s}: {100 * risk[score == s].mean():.0f}" for s in range(9) if (score == s).sum() > 100
    )
    console.print(f"dead, %, by ISTH score on admission (published: 9-12 without DIC): {by_score}")


if __name__ == "__main__":
    main()
