"""Published studies of warfarin's time course, simulated: washout, loading, a single large dose.

Each takes a model and one patient's parameters; `vmap` for a study's patients. Doses are given in
the evening, blood is drawn in the morning, 12 h later, as in the studies.
"""

import csv

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm

from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.warfarin import population
from hemosim_jax.tasks.warfarin.covariates import Covariates, Inputs, RandomEffects
from hemosim_jax.tasks.warfarin.disturbances import VITAMIN_K_MEMORY_H, Risks
from hemosim_jax.tasks.warfarin.genotypes import vkorc1_frequencies

# Factors on stable treatment at an INR of 2.2, mean and what two series differ by: Watala et al.,
# Thromb J 2003;1:7 (n = 95, INR 2.16: II 25, VII 47, X 15, protein C 54 %, of which healthy donors
# had 108 to 132 %); McGlasson 2000 (163 specimens, INR 2.26: II 29.5, VII 52.9, X 22.0 %).
STABLE_INR = 2.2
STABLE_LEVELS = {
    "II": (0.25, 0.04),
    "VII": (0.47, 0.06),
    "X": (0.18, 0.035),
    "PC": (0.50, 0.06),
}
# Harrison et al., Ann Intern Med 1997;126:133: with INR > 2 at 36 h, > 3 at 60 h, 2 to 3 at 84 h,
# by first dose (mg).
HARRISON = {
    10.0: ((11, 25), (9, 25), (15, 24)),
    5.0: ((2, 24), (0, 24), (19, 24)),
}
# EC50 of Harrison's hospital patients relative to others': `benchmarks.warfarin_factors_fit`.
INPATIENT_EC50_RATIO = 0.67
OREILLY_WEIGHT_VII = 0.6  # of factor VII in their test, fitted with the rest
OREILLY_HOURS = (24.0, 36.0, 48.0, 72.0, 96.0, 120.0)
NO_INPUTS = Inputs(clearance_s_ratio=1.0, ec50_ratio=1.0)
ASSAY_SD = 0.05  # of the log of an INR by which a nomogram doses

# Crowther et al., Arch Intern Med 1999;159:46: dose (mg, the middle of a range) by the morning's
# INR below 1.5, 2, 2.5, 3 and above, for days 2 to 6. The arm of 10 mg differs on day 2 alone
# (7.5 to 10 mg: assumption, recalled); Harrison et al. 1997 is taken to have dosed likewise.
BOUNDS = (1.5, 2.0, 2.5, 3.0)
_LATER = (
    (7.5, 3.75, 1.25, 1.25, 0.0),
    (10.0, 6.25, 2.5, 2.5, 0.0),
    (10.0, 8.75, 2.5, 2.5, 0.0),
    (10.0, 7.5, 3.75, 3.75, 0.0),
)
NOMOGRAMS = {
    5.0: ((5.0, 2.5, 1.75, 0.0, 0.0), *_LATER),
    10.0: ((10.0, 2.5, 1.75, 0.0, 0.0), *_LATER),
}


def advance(model, state, hours, parameters, inputs=NO_INPUTS):
    """The state some hours later."""
    hours = jnp.asarray(hours, parameters.baseline_inr.dtype)
    return model.advance(state, hours, parameters, inputs, differentiable=True)[0]


def on_stable_dose(model, parameters, dose_mg, days=40):
    """The state just before a dose, after `days` on the same."""

    def day(state, _):
        return advance(model, model.give_dose(state, dose_mg), 24.0, parameters), None

    return jax.lax.scan(day, model.initial_state(parameters), None, length=days)[0]


def stable_at(model, parameters, inr, hours=12.0):
    """A dose, and the state before it, that give `inr` so many hours after the dose.

    The closed form speaks of average concentrations; one correction makes it exact to 2 %.
    """
    aim = inr
    for _ in range(2):
        dose_mg = model.steady_state_dose_mg_per_day(parameters, aim)
        before = on_stable_dose(model, parameters, dose_mg)
        measured = model.inr(
            advance(model, model.give_dose(before, dose_mg), hours, parameters), parameters
        )
        aim = aim * jax.lax.stop_gradient(inr / measured)
    dose_mg = model.steady_state_dose_mg_per_day(parameters, aim)
    return dose_mg, on_stable_dose(model, parameters, dose_mg)


def washout(model, parameters, inr, log_ec50, hours=(20.0, 65.0, 115.0, 185.0)):
    """INR so many hours after the last dose of someone stable at `inr` (White et al. 1995).

    `log_ec50` is the log of the ratio to the EC50 before, over each stretch of these hours.
    """
    dose_mg, before = stable_at(model, parameters, inr, hours[0])
    inputs = [NO_INPUTS.replace(ec50_ratio=jnp.exp(drift)) for drift in log_ec50]
    states = states_at(model, model.give_dose(before, dose_mg), hours, parameters, inputs)
    return jax.vmap(lambda state: model.inr(state, parameters))(states)


def states_at(model, state, hours, parameters, inputs=None):
    """The states so many hours later, stacked; `inputs` over each stretch."""
    last, found = 0.0, []
    for now, acting in zip(hours, inputs or (NO_INPUTS,) * len(hours), strict=True):
        state = advance(model, state, now - last, parameters, acting)
        found.append(state)
        last = now
    return jax.tree.map(lambda *rows: jnp.stack(rows), *found)


def loading(model, parameters, first_mg):
    """Days 2 to 6 on a nomogram: each morning's INR (36, 60, ... h after the first dose) and state.

    The dose is what the nomogram orders on average over the assay's error.
    """
    table = jnp.asarray(NOMOGRAMS[first_mg], parameters.baseline_inr.dtype)

    def day(carry, doses_mg):
        state, dose_mg = carry
        morning = advance(model, model.give_dose(state, dose_mg), 12.0, parameters)
        inr = model.inr(morning, parameters)
        below = norm.cdf((jnp.log(jnp.asarray(BOUNDS)) - jnp.log(inr)) / ASSAY_SD)
        shares = jnp.diff(below, prepend=0.0, append=1.0)
        return (advance(model, morning, 12.0, parameters), shares @ doses_mg), (inr, morning)

    start = (model.initial_state(parameters), jnp.asarray(first_mg, table.dtype))
    inr, morning = jax.lax.scan(day, start, table)[1]
    # The first morning is 12 h after the first dose; what studies report begins with the second.
    return inr[1:], jax.tree.map(lambda x: x[1:], morning)


def constant_start(model, parameters, dose_mg, days=4):
    """INR on the morning after `days` equal doses."""

    def day(state, _):
        return advance(model, model.give_dose(state, dose_mg), 24.0, parameters), None

    state = jax.lax.scan(day, model.initial_state(parameters), None, length=days - 1)[0]
    return model.inr(advance(model, model.give_dose(state, dose_mg), 12.0, parameters), parameters)


def vitamin_k(model, parameters, inr, dose_mg, hours=(16.0, 40.0, 64.0)):
    """INR after vitamin K in someone found at `inr` 12 h after the last dose, warfarin held."""
    last_mg, before = stable_at(model, parameters, inr)
    state = advance(model, model.give_dose(before, last_mg), 12.0, parameters)
    states = states_at(model, model.give_vitamin_k(state, dose_mg), hours, parameters)
    return jax.vmap(lambda state: model.inr(state, parameters))(states)


def patients(model, calibration, keys):
    """Parameters of European patients."""
    of = population.of_ancestry("European", calibration)
    return jax.vmap(lambda key: population.sample(key, of, Risks(), model).parameters)(keys)


def share_above(inr, bound):
    """The share of measured values above `bound`; the assay's error makes it smooth."""
    return jnp.mean(norm.cdf((jnp.log(inr) - jnp.log(bound)) / ASSAY_SD))


def washout_courses(model, people):
    """White's 22 are stable between 2 and 3, on average 2.6: INR at four times, by patient."""
    spread = norm.ppf((jnp.arange(len(people.baseline_inr)) + 0.5) / len(people.baseline_inr))
    # In an order that has nothing to do with the patients'.
    order = np.random.default_rng(0).permutation(len(people.baseline_inr))
    inr = 2.6 * jnp.exp(0.1 * spread[order])
    return jax.vmap(lambda p, level, drift: washout(model, p, level, drift))(
        people, inr, _drifts(len(people.baseline_inr))
    )


def _drifts(patients, middles_h=(0.0, 42.5, 90.0, 150.0)):
    """Log ratios of EC50 to that of the first, as it varies within patients, (patients, times)."""
    normals = jax.random.normal(jax.random.key(1), (patients, 1 + len(middles_h)))
    risks = Risks()

    def course(normals):
        sd = risks.vitamin_k_sd * jnp.exp(risks.lability_log_sd * normals[0])
        levels = [sd * normals[1]]
        for normal, passed_h in zip(normals[2:], np.diff(middles_h), strict=True):
            memories = float(passed_h) / VITAMIN_K_MEMORY_H
            levels.append(mean_reverting(levels[-1], normal, memories, sd))
        return jnp.stack(levels) - levels[0]

    return jax.vmap(course)(normals)


def loading_shares(model, people):
    """Of each arm: shares with INR > 2 at 36 h, > 3 at 60 h, 2 to 3 at 84 h; levels at 36 h."""
    shares, levels = {}, {}
    for first_mg in NOMOGRAMS:
        inr, morning = jax.vmap(lambda p, first=first_mg: loading(model, p, first))(people)
        above = lambda time, bound, inr=inr: share_above(inr[:, time], bound)  # noqa: E731
        shares[first_mg] = (above(0, 2.0), above(1, 3.0), above(2, 2.0) - above(2, 3.0))
        at_36_h = jax.tree.map(lambda x: x[:, 0].mean(), morning)
        levels[first_mg] = model.levels(at_36_h)
    return shares, levels


def read_oreilly(path):
    """Age, weight and dose of each subject; mean log activity and concentration by time."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    doses = [row for row in rows if row["AMOUNT"] not in (".", "")]
    values = lambda kind, hours: [  # noqa: E731
        float(row["DV"])
        for row in rows
        if row["DVID"] == kind and float(row["TIME"]) == hours and row["DV"] != "."
    ]
    means = lambda kind: np.array(  # noqa: E731
        [np.log(values(kind, hours)).mean() for hours in OREILLY_HOURS]
    )
    column = lambda name: jnp.asarray([float(row[name]) for row in doses])  # noqa: E731
    return {
        "age_y": column("AGE"),
        "weight_kg": column("WEIGHT"),
        "dose_mg": column("AMOUNT"),
        "log_activity": means("2") - np.log(100.0),
        "log_concentration": means("1"),
    }


def oreilly_courses(model, calibration, subjects, weight_vii):
    """Log prothrombin complex activity and log total concentration by subject and time.

    The activity of a plasma is the dilution of normal plasma with its prothrombin time: a weighted
    geometric mean of its factors, since that time depends on their product. Volunteers are taken to
    be *1/*1; over VKORC1 genotypes the mean is taken by their European frequencies.
    """

    def course(age_y, weight_kg, dose_mg, vkorc1):
        zero, no = jnp.zeros_like(age_y), jnp.zeros((), bool)
        covariates = Covariates(
            age_y=age_y,
            weight_kg=weight_kg,
            height_cm=zero + 172.0,
            male=no,
            cyp2c9=jnp.zeros((), jnp.int32),
            vkorc1=vkorc1,
            race=jnp.zeros((), jnp.int32),
            amiodarone=no,
            enzyme_inducer=no,
            smoker=no,
            baseline_inr=zero + 1.0,
        )
        typical = RandomEffects(zero, zero, zero, zero)
        parameters = model.individual_parameters(covariates, typical, calibration)
        dosed = model.give_dose(model.initial_state(parameters), dose_mg)
        states = states_at(model, dosed, OREILLY_HOURS, parameters)
        level = model.levels(states)
        activity = (
            jnp.log(level["II"]) + jnp.log(level["X"]) + weight_vii * jnp.log(level["VII"])
        ) / (2.0 + weight_vii)
        return activity, jnp.log(
            model.concentration_s_mg_per_l(states, parameters)
            + model.concentration_r_mg_per_l(states, parameters)
        )

    of_subjects = jax.vmap(course, in_axes=(0, 0, 0, None))
    frequencies = vkorc1_frequencies("European")
    parts = [
        of_subjects(subjects["age_y"], subjects["weight_kg"], subjects["dose_mg"], jnp.int32(code))
        for code in range(len(frequencies))
    ]
    mean = lambda *rows: sum(f * row for f, row in zip(frequencies, rows, strict=True))  # noqa: E731
    return jax.tree.map(mean, *parts)
