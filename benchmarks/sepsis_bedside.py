"""What drugs and fluid do at the bedside of septic patients, beside what was measured there.

    python -m benchmarks.sepsis_bedside [--patients 2000]

Simulated patients in septic shock: on admission antibiotics and 30 mL/kg of crystalloid in three
hours, then 150 mL/h; those whose mean arterial pressure then is between 42 and 62 mmHg. Each
intervention is compared with the same patients before it, or without it, every ten minutes. All of
these rows chose sizes in `tasks/sepsis/hemodynamics.py` and `rates.py`; none is a prediction.
"""

import argparse
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.comparison import Row, show
from benchmarks.hardware import description
from hemosim_jax.evaluation.streams import training
from hemosim_jax.tasks.sepsis import antibiotic, hemodynamics, population
from hemosim_jax.tasks.sepsis.body import Drugs
from hemosim_jax.tasks.sepsis.model import SepsisModel

STEP_H = 1.0 / 6.0
USUAL_L_PER_H = 0.15
RESPONDS = 0.15  # rise of cardiac output that counts
MODEL = SepsisModel()


class Ward(NamedTuple):
    """Patients at one moment, stacked."""

    body: Any
    own: Any
    norepinephrine: Any  # ug/kg/min


@jax.jit
def _later(ward, fluid_l_per_h, vasopressin_u_per_min):
    def one(body, own, norepinephrine, fluid, vasopressin):
        drugs = Drugs(
            fluid,
            norepinephrine,
            vasopressin,
            jnp.full_like(fluid, antibiotic.MAINTENANCE_MG_PER_H),
        )
        return MODEL.advance(body, jnp.full_like(fluid, STEP_H), own, drugs)[0]

    same = jnp.zeros_like(ward.norepinephrine)
    given = same + fluid_l_per_h, same + vasopressin_u_per_min
    body = jax.vmap(one)(ward.body, ward.own, ward.norepinephrine, *given)
    return ward._replace(body=body)


flow = jax.jit(lambda ward: jax.vmap(hemodynamics.flow)(ward.body, ward.own))


def after(ward, hours, fluid_l_per_h=USUAL_L_PER_H, vasopressin=0.0):
    """Some hours later."""
    for _ in range(round(hours / STEP_H)):
        ward = _later(ward, fluid_l_per_h, vasopressin)
    return ward


def titrated(ward, target_mmhg, hours=2.0, vasopressin=0.0):
    """Norepinephrine by the pressure, every ten minutes."""
    for _ in range(round(hours / STEP_H)):
        missing = target_mmhg - flow(ward).pressure_mmhg
        dose = jnp.clip(ward.norepinephrine + 0.006 * missing, 0.0, 3.0)
        ward = after(ward._replace(norepinephrine=dose), STEP_H, vasopressin=vasopressin)
    return ward


def in_shock(count, key):
    """Patients after three hours of fluid who still need a pressor."""
    keys = jax.random.split(key, count)
    patients = jax.vmap(lambda one: population.sample(one, population.Population()))(keys)
    body = jax.jit(jax.vmap(population.on_admission))(patients)
    central, peripheral = body.meropenem_mg
    body = body.replace(meropenem_mg=(central + antibiotic.LOADING_MG, peripheral))
    own = patients.parameters
    ward = after(Ward(body, own, jnp.zeros(count)), 3.0, 0.01 * own.weight_kg)
    pressure = np.asarray(flow(ward).pressure_mmhg)
    chosen = np.flatnonzero((pressure > 42.0) & (pressure < 62.0))
    return jax.tree.map(lambda leaf: leaf[chosen] if jnp.ndim(leaf) else leaf, ward)


def _row(what, people, values, statistic=np.mean):
    """The statistic over patients, with the interval of a bootstrap."""
    values = np.asarray(values, float)
    rng = np.random.default_rng(0)
    again = [statistic(values[rng.integers(0, len(values), len(values))]) for _ in range(400)]
    low, high = np.percentile(again, (2.5, 97.5))
    return Row(what, people, float(statistic(values)), (float(low), float(high)), "chosen")


def pressor_started(ward):
    """Hamzaoui 2010: 105 patients, 54 to 76 mmHg."""
    first, then = flow(ward), titrated(ward, 76.0)
    last = flow(then)
    stroke = [1000.0 * f.output_l_per_min / f.heart_rate_per_min for f in (first, last)]
    rise = last.output_l_per_min / first.output_l_per_min - 1.0
    return [
        _row("norepinephrine started: MAP before, mmHg", "54 (8)", first.pressure_mmhg),
        _row("rise of MAP, mmHg", "22 (15-30)", last.pressure_mmhg - first.pressure_mmhg),
        _row("rise of cardiac output, %", "12 (5-20)", 100.0 * rise),
        _row("rise of stroke volume, mL", "above 0 (5 mL/m2)", stroke[1] - stroke[0]),
        _row("dose, ug/kg/min", "-", then.norepinephrine, np.median),
    ]


def titration(ward):
    """Dubin 2009, Thooft 2011, Xu 2015; urine: Deruddre 2007."""
    at = {}
    for target in (65.0, 75.0, 85.0):
        ward = titrated(ward, target)
        later = after(ward, 2.0)
        urine = 1000.0 * (later.body.urine_l - ward.body.urine_l) / 2.0
        at[target] = ward, flow(ward), np.asarray(urine)
    (w65, f65, u65), (_, _, u75), (w85, f85, u85) = at.values()
    output = f85.output_l_per_min / f65.output_l_per_min - 1.0
    urine = 100.0 * (u75.mean() / u65.mean() - 1.0), 100.0 * (u85.mean() / u75.mean() - 1.0)
    return [
        _row(
            "MAP 65 to 85: dose more, ug/kg/min",
            "0.15-0.5 (recalled)",
            w85.norepinephrine - w65.norepinephrine,
        ),
        _row("cardiac output, %", "9 to 19 (5-20)", 100.0 * output),
        _row(
            "heart rate, /min",
            "unchanged (5)",
            f85.heart_rate_per_min - f65.heart_rate_per_min,
        ),
        _row(
            "lactate, mmol/L",
            "unchanged or less",
            w85.body.lactate_mmol_per_l - w65.body.lactate_mmol_per_l,
        ),
        Row("urine from 65 to 75 mmHg, %", "22 (0-35)", urine[0], None, "chosen"),
        Row("urine from 75 to 85 mmHg, %", "0", urine[1], None, "chosen"),
    ]


def boluses(ward):
    """500 mL: in 30 min (Nunes 2014), in 10 (FCREV 2019); who responds: Bentzer 2016."""
    ward = titrated(ward, 65.0, 3.0)
    rows = []
    for minutes in (30, 10):
        rate = 0.5 / (minutes / 60.0)
        given, without, rises = ward, ward, {}
        for now in range(10, minutes + 70, 10):
            fluid = USUAL_L_PER_H + (rate if now <= minutes else 0.0)
            given, without = after(given, STEP_H, fluid), after(without, STEP_H)
            rises[now] = np.asarray(
                flow(given).output_l_per_min / flow(without).output_l_per_min - 1.0
            )
        end = rises[minutes]
        if minutes == 30:
            in_plasma = (given.body.plasma_l - without.body.plasma_l) / 0.5
            left = 100.0 * rises[90].mean() / end.mean()
            rows += [
                _row("500 mL in 30 min: cardiac output, %", "18 (10-25)", 100.0 * end),
                Row("of that an hour later, %", "16 (0-30)", left, None, "chosen"),
                _row("in the plasma an hour later, %", "25 (10-30)", 100.0 * in_plasma),
            ]
        else:
            responds = end > RESPONDS
            rows += [
                _row("500 mL in 10 min: who respond, %", "50 (42-61)", 100.0 * responds),
                _row(
                    "who of them do not 20 min later, %",
                    "49 (37-60)",
                    100.0 * (rises[30][responds] <= RESPONDS),
                ),
            ]
    return rows


def vasopressin(ward):
    """Patel 2002: four hours of 0.06 U/min against norepinephrine alone, at the same pressure."""
    ward = titrated(ward, 65.0, 3.0)
    alone, both = titrated(ward, 65.0, 4.0), titrated(ward, 65.0, 4.0, vasopressin=0.04)
    on_drug = np.asarray(alone.norepinephrine) > 0.1
    less = 100.0 * (both.norepinephrine / jnp.maximum(alone.norepinephrine, 1e-3) - 1.0)
    urine = [
        1000.0 * np.mean(after(w, 2.0, vasopressin=v).body.urine_l - w.body.urine_l) / 2.0
        for w, v in ((alone, 0.0), (both, 0.04))
    ]
    return [
        _row(
            "vasopressin 0.04 U/min: norepinephrine, %",
            "-79 (-85 to -50)",
            np.asarray(less)[on_drug],
            np.median,
        ),
        Row("urine, mL/h more", "above 0", float(urine[1] - urine[0]), None, "chosen"),
    ]


def rows(count=2000):
    """All comparisons."""
    ward = in_shock(count, training(30).key())
    parts = pressor_started, titration, boluses, vasopressin
    return [row for part in parts for row in part(ward)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    options = parser.parse_args()
    print(description())
    show("Septic shock at the bedside", rows(options.patients), "95 %")


if __name__ == "__main__":
    main()
