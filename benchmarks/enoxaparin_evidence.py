"""Enoxaparin's patients against published ones: what is fitted, what is predicted.

    python -m benchmarks.enoxaparin_evidence [--patients 20000] [--fit]

Simulated patients of the medium tier, and for the groups with impaired kidneys the same with more
of them; kidneys are those of admission, by the formula of Cockcroft and Gault. The task's hazards
are fitted with Feng 2006 (`--fit`: the coefficients of bleeding anew, for the published relative
risk and both ends of its interval); under Green 2005 they are taken as they are.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import fsolve

from benchmarks.learning import constant
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.tasks.lmwh import model
from hemosim_jax.tasks.lmwh.environment import PAPERS, EnoxaparinDosing
from hemosim_jax.tasks.lmwh.model import Enoxaparin, Order

STEPS = 20
PATIENTS_SEED = 7  # of the held-out stream; policies are judged on others
IMPAIRED = 0.6  # share, so that every group is large
SOURCES = """\
Groups by creatinine clearance, mL/min; rows not marked as fitted are predicted.
Peaks: 50 patients on 1 mg/kg twice a day (Renal function, peak anti-Xa levels
and enoxaparin dosing, March 2004). Once a day: 1 mg/kg, Lachish 2007. 40 and
60 mg: Alavi-Darazam 2022. Clearance: -39 % Becker 2002, the others Hulot 2005.
Area: US label (recalled). Bleeds: Lim 2006. Recurrences: Merli 2001."""


class Patients:
    """The same patients under one prescription after another, ends ignored."""

    def __init__(self, paper: str, number: int, impaired: float | None = None):
        self.env = EnoxaparinDosing("medium", model=paper)
        self.params = self.env.default_params
        if impaired is not None:
            patients = self.params.patients.replace(impaired=impaired)
            self.params = self.params.replace(patients=patients)
        self.keys = jax.random.split(held_out(PATIENTS_SEED).key(), number)
        self.own = jax.vmap(self.env.sample_patient, in_axes=(0, None))(self.keys, self.params)
        self.run = jax.jit(jax.vmap(self._one, in_axes=(0, 0, 0, None)))
        self.clearance = self.follow(1.0, 12.0)["creatinine_clearance_ml_per_min"][:, 0]

    def _one(self, key, patient, action, coefficients):
        params = self.params.replace(coefficients=coefficients)
        policy = constant("prescription", action)
        return episode(self.env, params, policy, STEPS, key, patient).info

    def follow(self, dose, every_h, per_kg=True, coefficients=None):
        """Read-outs (patients, decisions) on so many mg/kg, or mg."""
        coefficients = coefficients or self.params.coefficients
        weight_kg = self.own.covariates.weight_kg
        dose = jnp.broadcast_to(dose if per_kg else dose / weight_kg, weight_kg.shape)
        actions = jax.vmap(self.env.encode_action, in_axes=(0, None))(dose, every_h > 12.0)
        return jax.tree.map(np.asarray, self.run(self.keys, self.own, actions, coefficients))

    def clearance_l_per_h(self):
        """The drug's, of every patient on admission."""
        one = jax.tree.map(lambda x: x[0], self.own)
        well = self.env.initial_state(one, self.params).disturbances
        parameters = jax.vmap(self.env.parameters, in_axes=(0, None))(self.own, well)
        return np.asarray(parameters.clearance_l_per_h)


def spread(values):
    """Mean and SD."""
    return f"{values.mean():.2f} ± {values.std():.2f}"


def area_of_day_four(paper, clearance_ml_per_min):
    """On 40 mg once a day, for the typical patient of 75 kg."""
    drug = Enoxaparin()
    parameters = model.typical_parameters(
        PAPERS[paper], jnp.asarray(75.0), jnp.asarray(clearance_ml_per_min)
    )
    order = Order(jnp.asarray(4000.0), jnp.asarray(24.0))
    start = drug.initial_state(parameters)
    before, after = (
        drug.advance(start, jnp.asarray(hours), parameters, order)[0] for hours in (72.0, 96.0)
    )
    return float(after.auc_iu_h_per_ml - before.auc_iu_h_per_ml)


def rows(paper: str, number: int):
    """What is measured, what is published, what is found here."""
    them, usual = Patients(paper, number, IMPAIRED), Patients(paper, number)
    severe, spared = them.clearance < 30.0, usual.clearance > 30.0
    moderate, above = ~severe & (them.clearance <= 60.0), them.clearance > 60.0
    twice, once = them.follow(1.0, 12.0), them.follow(1.0, 24.0)
    usual_twice, usual_once = usual.follow(1.0, 12.0), usual.follow(1.5, 24.0)

    peak = twice["peak_iu_per_ml"][:, 5]
    yield "peak, 5 doses, < 30", "1.58 ± 0.54", spread(peak[severe])
    yield "peak, 5 doses, 30-60", "1.25 ± 0.38", spread(peak[moderate])
    yield "peak, 5 doses, > 60", "0.93 ± 0.28", spread(peak[above])
    first = 100.0 * (once["peak_iu_per_ml"][severe, 1] > 1.0).mean()
    yield "once a day, < 30: peak 1", "0 of 19 > 1.0", f"{first:.1f} % > 1.0"
    trough = once["anti_xa_iu_per_ml"][severe, 5]
    yield "once a day, < 30: trough", "0.12 ± 0.12", spread(trough)
    for dose_mg, published in ((40.0, "0.29 ± 0.13"), (60.0, "0.44 ± 0.19")):
        found = them.follow(dose_mg, 24.0, per_kg=False)["peak_iu_per_ml"][above, 7]
        yield f"{dose_mg:g} mg a day, > 60: peak", published, spread(found)

    own = them.clearance_l_per_h() / them.clearance_l_per_h()[them.clearance > 80.0].mean()
    yield "clearance, < 30 to > 80", "-39, -44 %", f"{100.0 * (own[severe].mean() - 1.0):.0f} %"
    yield "clearance, 30-60 to > 80", "-31 %", f"{100.0 * (own[moderate].mean() - 1.0):.0f} %"
    ratio = area_of_day_four(paper, 20.0) / area_of_day_four(paper, 100.0)
    yield "40 mg, area of day 4, 20:100", "1.65", f"{ratio:.2f}"

    def expected(event, info, group):
        return 100.0 * info[f"expected_{event}"].sum(axis=1)[group].mean()

    bleeds = expected("bleeds", usual_twice, spared)
    full, adjusted = (expected("bleeds", info, severe) for info in (twice, once))
    yield "fitted: bleeds, > 30, %", "2.4", f"{bleeds:.2f}"
    yield "fitted: bleeds, < 30 : > 30", "2.96 (1.63-5.37)", f"{full / bleeds:.2f}"
    yield "bleeds, < 30 once : > 30", "1.06 (0.23-4.97)", f"{adjusted / bleeds:.2f}"
    twice, once = (expected("recurrences", x, spared) for x in (usual_twice, usual_once))
    yield "fitted: recurrences, %", "1.0", f"{twice:.2f}"
    yield "recurrences, 1.5 od : 1 bid", "1.5", f"{once / twice:.2f}"


def fit(number: int, ratio: float, bleeds: float = 0.024):
    """Hazard at the reference and its slope that give these bleeds and this relative risk."""
    them, usual = Patients("feng2006", number, IMPAIRED), Patients("feng2006", number)
    groups = (them.clearance < 30.0, usual.clearance > 30.0)
    coefficients = usual.params.coefficients

    def miss(logs):
        hazard, slope = jnp.asarray(np.exp(logs), jnp.float32)
        changed = coefficients.replace(bleeding_per_day=hazard, bleeding_per_iu_per_ml=slope)
        found = [
            p.follow(1.0, 12.0, coefficients=changed)["expected_bleeds"].sum(axis=1)[group].mean()
            for p, group in zip((them, usual), groups, strict=True)
        ]
        return np.log(found) - np.log([ratio * bleeds, bleeds])

    return np.exp(fsolve(miss, np.log([0.0025, 1.8]), epsfcn=1e-4, xtol=1e-4))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--fit", action="store_true")
    options = parser.parse_args()
    if options.fit:
        for ratio in (1.63, 2.96, 5.37):
            hazard, slope = fit(options.patients, ratio)
            print(f"relative risk {ratio}: {hazard:.5f} a day at 0.78 IU/mL, {slope:.2f} per IU/mL")
        return
    columns = [list(rows(paper, options.patients)) for paper in PAPERS]
    table = Table("anti-Xa in IU/mL", "published", *PAPERS)
    for same in zip(*columns, strict=True):
        table.add_row(*same[0][:2], *(found for _, _, found in same))
    Console(width=80).print(table)
    print(SOURCES)


if __name__ == "__main__":
    main()
