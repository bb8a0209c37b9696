"""Warfarin's models against people: what was fitted, and what was not.

    python -m benchmarks.warfarin_evidence path/to/shared/data [--patients 400] [--draws 8]

Each row: what was published, what each model gives, and whether the model of factors was fitted to
it (the Hamberg models were fitted to none of these but the doses of IWPC). "fitted" rows say that
a model can be that, "predicted" rows that it is. The column "90 %" is the middle of the model of
factors over calibrations drawn from what its evidence leaves possible.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Row
from hemosim_jax.tasks.warfarin.calibration import calibration_of, draw_calibration
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from hemosim_jax.tasks.warfarin.covariates import RACES, RandomEffects
from hemosim_jax.tasks.warfarin.factors import FactorTurnover
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from tests.tasks.warfarin import studies

# After four doses of 5 mg: INR on the fifth day, weekly dose (mg). Pengo et al. 2001, as a table of
# Am Fam Physician 2005;71:763 (a public transcription gives it).
FIFTH_DAY = ((1.4, 39.0), (2.0, 26.0), (3.0, 16.0))


def courses(model, calibration, keys):
    """Everything that is simulated, by row: a number each."""
    people = studies.patients(model, calibration, keys)
    rows = {}
    inr = studies.washout_courses(model, people)
    rows["INR 65 h after the last dose, from 2.6"] = inr[:, 1].mean()
    rows["INR 115 h after"] = inr[:, 2].mean()
    rows["above 1.2 at 65 h, %"] = 100.0 * studies.share_above(inr[:, 1], 1.2)
    rows["1.2 or more at 115 h, %"] = 100.0 * studies.share_above(inr[:, 2], 1.2)

    inpatients = people.replace(ec50_mg_per_l=studies.INPATIENT_EC50_RATIO * people.ec50_mg_per_l)
    for setting, group in (("hospital", inpatients), ("others", people)):
        for first in studies.NOMOGRAMS:
            morning, _ = jax.vmap(lambda p, first=first: studies.loading(model, p, first))(group)
            above = lambda day, bound, m=morning: (  # noqa: E731
                100.0 * studies.share_above(m[:, day], bound)
            )
            start = f"{first:g} mg first, {setting}"
            rows[f"{start}: INR > 2 at 36 h, %"] = above(0, 2.0)
            rows[f"{start}: > 3 at 60 h, %"] = above(1, 3.0)
            rows[f"{start}: 2 to 3 at 84 h, %"] = above(2, 2.0) - above(2, 3.0)
            rows[f"{start}: 2 or more by day 5, %"] = 100.0 * jnp.mean(
                jnp.any(morning[:, :4] >= 2.0, axis=1)
            )

    fifth = jax.vmap(lambda p: studies.constant_start(model, p, 5.0))(people)
    dose = 7.0 * model.steady_state_dose_mg_per_day(people, 2.5)
    order = jnp.argsort(fifth)
    for level, _ in FIFTH_DAY:
        # Of those nearest to it, a twelfth of all.
        near = jnp.argsort(jnp.abs(jnp.log(fifth[order] / level)))[: len(order) // 12]
        rows[f"INR {level} on day 5 of 5 mg: dose needed, mg/week"] = dose[order][near].mean()

    ten_more = jax.vmap(lambda p: _on_more(model, p, 1.1))(people)
    rows["INR 2.5, dose raised by a tenth: INR"] = ten_more.mean()
    return rows


def _on_more(model, parameters, factor):
    dose_mg, _ = studies.stable_at(model, parameters, 2.5)
    before = studies.on_stable_dose(model, parameters, factor * dose_mg)
    after = studies.advance(model, model.give_dose(before, factor * dose_mg), 12.0, parameters)
    return model.inr(after, parameters)


def of_factors_only(model, calibration, keys):
    """Vitamin K, concentrate, levels."""
    people = studies.patients(model, calibration, keys)
    rows = {}
    for dose_mg in (1.0, 0.0):
        after = jax.vmap(lambda p, d=dose_mg: studies.vitamin_k(model, p, 5.79, d)[0])(people)
        rows[f"INR 5.79, {dose_mg:g} mg vitamin K: INR after 16 h"] = after.mean()
    for name, level in model.levels_at_rest(people, studies.STABLE_INR).items():
        rows[f"factor {name} at INR 2.2, %"] = 100.0 * level.mean()
    return rows


PUBLISHED = {
    "INR 65 h after the last dose, from 2.6": ("1.6 (1.11-2.16)", "fitted"),
    "INR 115 h after": ("1.1; 1.28", "fitted"),
    "above 1.2 at 65 h, %": ("91", "fitted"),
    "1.2 or more at 115 h, %": ("23", "fitted"),
    "10 mg first, hospital: INR > 2 at 36 h, %": ("44", "fitted"),
    "10 mg first, hospital: > 3 at 60 h, %": ("36", "fitted"),
    "10 mg first, hospital: 2 to 3 at 84 h, %": ("63", "fitted"),
    "5 mg first, hospital: INR > 2 at 36 h, %": ("8", "fitted"),
    "5 mg first, hospital: > 3 at 60 h, %": ("0", "fitted"),
    "5 mg first, hospital: 2 to 3 at 84 h, %": ("79", "fitted"),
    "10 mg first, others: 2 or more by day 5, %": ("83", "predicted"),
    "5 mg first, others: 2 or more by day 5, %": ("46", "predicted"),
    **{
        f"INR {level} on day 5 of 5 mg: dose needed, mg/week": (f"{dose:g}", "predicted")
        for level, dose in FIFTH_DAY
    },
    "INR 2.5, dose raised by a tenth: INR": ("3.2 (recalled)", "predicted"),
    "INR 5.79, 1 mg vitamin K: INR after 16 h": ("2.86 (2.50-3.23)", "fitted"),
    "INR 5.79, 0 mg vitamin K: INR after 16 h": ("1.4 less", "predicted"),
    "factor II at INR 2.2, %": ("25-30", "fitted"),
    "factor VII at INR 2.2, %": ("47-53", "fitted"),
    "factor X at INR 2.2, %": ("15-22", "fitted"),
    "factor PC at INR 2.2, %": ("54", "fitted"),
}


def iwpc_rows(model, path):
    """Errors of the dose for 2.5 and for the INR recorded; the INR on the real dose, by race."""
    baseline = calibration_of("iwpc", model).typical_baseline_inr
    records = read_iwpc(path, baseline_inr=float(baseline))
    kept = np.isfinite(records.weekly_dose_mg) & np.isfinite(records.inr_on_dose)
    covariates = jax.tree.map(lambda x: x[kept], records.covariates)
    dose, recorded = records.weekly_dose_mg[kept], records.inr_on_dose[kept]
    none = jnp.zeros_like(covariates.age_y)
    typical = model.individual_parameters(
        covariates, RandomEffects(none, none, none, none), calibration_of("iwpc", model)
    )
    grid = np.linspace(1.15, 6.0, 80)
    doses = 7.0 * np.stack([model.steady_state_dose_mg_per_day(typical, inr) for inr in grid])
    inr = np.array([np.interp(dose[i], doses[:, i], grid) for i in range(dose.size)])
    # An INR recorded below 1.25 is hardly one on warfarin: no dose holds it, so that is the least.
    rows = {
        f"IWPC: error of the dose for {target}, mg/week": np.abs(
            7.0 * np.asarray(model.steady_state_dose_mg_per_day(typical, inr_held)) - dose
        ).mean()
        for target, inr_held in (("2.5", 2.5), ("the INR recorded", np.maximum(recorded, 1.25)))
    }
    for code, race in enumerate(RACES):
        group = np.asarray(covariates.race) == code
        rows[f"INR on the real dose, {race} (recorded {np.median(recorded[group]):.2f})"] = (
            np.median(inr[group])
        )
    return rows


def oreilly_rows(model, calibration, path):
    """Mean activity and concentration after 1.5 mg/kg over those of volunteers, by time, %."""
    subjects = studies.read_oreilly(path)
    weight_vii = jnp.asarray(studies.OREILLY_WEIGHT_VII)
    activity, concentration = studies.oreilly_courses(model, calibration, subjects, weight_vii)
    rows = {}
    for index, hours in enumerate(studies.OREILLY_HOURS):
        own = activity[:, index].mean() - subjects["log_activity"][index]
        rows[f"O'Reilly, {hours:g} h: activity, ratio"] = ("1", float(np.exp(own)), "fitted")
    for index in (0, 3, 5):
        own = concentration[:, index].mean() - subjects["log_concentration"][index]
        name = f"O'Reilly, {studies.OREILLY_HOURS[index]:g} h: S + R, ratio"
        rows[name] = ("1 (old assay)", float(np.exp(own)), "predicted")
    return rows


def compared(data, patients, draws):
    """Every comparison, and what Hamberg 2010 gives, if anything."""
    keys = jax.random.split(jax.random.key(21), patients)
    ours, other = FactorTurnover(), Hamberg2010()

    def everything(calibration):
        return courses(ours, calibration, keys) | of_factors_only(ours, calibration, keys)

    simulate = jax.jit(everything)
    found = simulate(calibration_of("iwpc", ours))
    drawn = [simulate(draw_calibration(key)) for key in jax.random.split(jax.random.key(22), draws)]
    hamberg = jax.jit(lambda c: courses(other, c, keys))(calibration_of("iwpc", other))
    for name, (published, kind) in PUBLISHED.items():
        low, high = np.percentile([float(one[name]) for one in drawn], [5, 95])
        theirs = float(hamberg[name]) if name in hamberg else None
        yield Row(name, published, float(found[name]), (low, high), kind), theirs
    file = data / "iwpc" / "iwpc_development.csv.gz"
    of_both = [iwpc_rows(model, file) for model in (ours, other)]
    for name, value in of_both[0].items():
        yield Row(name, "", float(value), None, "fitted"), float(of_both[1][name])
    file = data / "oreilly" / "oreilly_1968_warfarin.csv"
    for name, (published, value, kind) in oreilly_rows(
        ours, calibration_of("iwpc", ours), file
    ).items():
        yield Row(name, published, value, None, kind), None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    table = Table("", "published", "factors", "90 %", "Hamberg 2010", "", padding=(0, 1))
    for row, theirs in compared(options.data, options.patients, options.draws):
        between = "" if row.interval is None else f"{row.interval[0]:.3g}-{row.interval[1]:.3g}"
        theirs = "" if theirs is None else f"{theirs:.3g}"
        table.add_row(row.what, row.people, f"{row.simulated:.3g}", between, theirs, row.kind)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
