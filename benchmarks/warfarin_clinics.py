"""Warfarin clinics of simulated patients against those of people, nothing of which was fitted.

    python -m benchmarks.warfarin_clinics [--patients 4000] [--draws 8]

How much the INR varies within a patient: on a constant dose, measured every two weeks (to this the
variability was chosen), and under a clinic, at its visits and every day. Time in range of the arms
of EU-PACT and COAG, by Rosendaal's method between the visits, as the trials give it; INRs of 4 and
more. What happens after an INR slightly out of range. The interval is the middle 90 % over
calibrations that the evidence leaves possible, each with patients of its own. How EU-PACT's control
arm went on, and the days that count in COAG, were chosen after these figures had been seen.
"""

import argparse
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import hemosim_jax
from benchmarks.comparison import Row, show
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.warfarin.calibration import draw_calibration

DAYS = 90
EVERY_DAYS = 14  # between two measurements on a constant dose
TARGET_INR = 2.5


class Courses(NamedTuple):
    """A clinic's patients, (patients, days): of the morning of each day."""

    visited: np.ndarray
    measured: np.ndarray
    true: np.ndarray


def clinic_courses(env, policy):
    """A jitted function of (keys, params) that gives `Courses`."""

    def course(key, params):
        key_patient, key_steps = jax.random.split(key)
        observation, state = env.reset_to(None, env.sample_patient(key_patient, params), params)

        def day(carry, key):
            observation, state, clinic = carry
            seen = env.decode_observation(observation)
            visited = jnp.round(seen.day) >= clinic.clinic.next_test_day
            row = Courses(visited, seen.inr, env.inr(state))
            action, clinic = policy.act(key, clinic, observation)
            observation, state, *_ = env.step_env(key, state, action, params)
            return (observation, state, clinic), row

        start = (observation, state, policy.init(params))
        return jax.lax.scan(day, start, jax.random.split(key_steps, DAYS))[1]

    return jax.jit(jax.vmap(course, in_axes=(0, None)))


def constant_courses(env):
    """Likewise on the dose that would hold 2.5, were it not for what varies."""

    def course(key, params):
        key_patient, key_steps = jax.random.split(key)
        patient = env.sample_patient(key_patient, params)
        dose_mg = env.model.steady_state_dose_mg_per_day(patient.parameters, TARGET_INR)
        action = env.encode_action(dose_mg)

        def day(state, key):
            observation, state, *_ = env.step_env(key, state, action, params)
            measured = env.decode_observation(observation).inr
            return state, Courses(state.time % EVERY_DAYS == 0, measured, env.inr(state))

        start = env.initial_state(patient, params)
        return jax.lax.scan(day, start, jax.random.split(key_steps, 2 * DAYS))[1]

    return jax.jit(jax.vmap(course, in_axes=(0, None)))


def rosendaal_percent(courses, first, last):
    """Mean time in 2 to 3 between the visits from day `first` to day `last`, %."""
    shares = []
    for visited, measured in zip(courses.visited, courses.measured, strict=True):
        days = np.flatnonzero(visited)
        grid = np.arange(max(first, days[0]), min(last, days[-1]) + 0.01, 0.25)
        if len(grid) > 1:
            between = np.interp(grid, days, measured[days])
            shares.append(np.mean((between >= 2.0) & (between <= 3.0)))
    return 100.0 * np.mean(shares)


def cv_percent(values):
    """Mean over patients of the CV of each, %; of those with four values or more."""
    return 100.0 * np.mean([np.std(x, ddof=1) / np.mean(x) for x in values if len(x) >= 4])


def at_visits(courses, first=30):
    """Measured values of each patient at visits from day `first` on."""
    return [m[first:][v[first:]] for v, m in zip(courses.visited, courses.measured, strict=True)]


def after_slightly_out(courses, first=30):
    """Of visits slightly out of range, how many are followed by one in range, %."""
    follow = []
    for values in at_visits(courses, first):
        out = ((values >= 1.5) & (values < 2.0)) | ((values > 3.0) & (values < 3.5))
        follow.extend(((values[1:] >= 2.0) & (values[1:] <= 3.0))[out[:-1]])
    return 100.0 * np.mean(follow)


def found(runs, keys, medium, easy):
    """Everything that is simulated, by row."""
    constant = {
        name: Courses(*map(np.asarray, runs["constant"](keys, params)))
        for name, params in (("medium", medium), ("easy", easy))
    }
    rows = {
        f"CV of the INR on a constant dose, {name}, %": cv_percent(at_visits(courses, 28))
        for name, courses in constant.items()
    }
    clinics = {
        name: Courses(*map(np.asarray, run(keys, medium)))
        for name, run in runs.items()
        if name != "constant"
    }
    for name in ("eu_pact_pharmacogenetic", "eu_pact_control"):
        courses = clinics[name]
        rows[f"{name}: in range in 12 weeks, %"] = rosendaal_percent(courses, 0, 84)
        high = np.any((courses.measured >= 4.0) & courses.visited, axis=1)
        rows[f"{name}: patients with an INR of 4 or more, %"] = 100.0 * high.mean()
    for name in ("coag_pharmacogenetic", "coag_clinical"):
        rows[f"{name}: in range, days 5 to 28, %"] = rosendaal_percent(clinics[name], 4, 28)
    control = clinics["eu_pact_control"]
    rows["CV of the INR in a clinic, days 30 to 90, visits, %"] = cv_percent(at_visits(control))
    rows["CV of the INR in a clinic, days 30 to 90, every day, %"] = cv_percent(
        control.true[:, 30:]
    )
    rows["patients with a true INR above 9 in 90 days, %"] = 100.0 * np.mean(
        np.any(control.true > 9.0, axis=1)
    )
    rows["visits in range, days 30 to 90, %"] = 100.0 * np.mean(
        [((v >= 2.0) & (v <= 3.0)).mean() for v in at_visits(control) if len(v)]
    )
    rows["next visit in range after 1.5-2 or 3-3.5, %"] = after_slightly_out(control)
    return rows


# By row: what people had, and whether it is what the variability was chosen by.
PUBLISHED = {
    "CV of the INR on a constant dose, medium, %": ("18-24 (unselected, 2014)", "chosen"),
    "CV of the INR on a constant dose, easy, %": ("9.0 (in range, 2012)", "chosen"),
    "CV of the INR in a clinic, days 30 to 90, visits, %": ("18-24", "predicted"),
    "CV of the INR in a clinic, days 30 to 90, every day, %": ("", "predicted"),
    "eu_pact_pharmacogenetic: in range in 12 weeks, %": ("67.4 (7.0 more, 3.3-10.6)", "predicted"),
    "eu_pact_control: in range in 12 weeks, %": ("60.3", "predicted"),
    "eu_pact_pharmacogenetic: patients with an INR of 4 or more, %": (
        "27 (recalled)",
        "predicted",
    ),
    "eu_pact_control: patients with an INR of 4 or more, %": ("37 (recalled)", "predicted"),
    "coag_pharmacogenetic: in range, days 5 to 28, %": ("45.2 (42.8-47.6)", "predicted"),
    "coag_clinical: in range, days 5 to 28, %": ("45.4 (43.1-47.7)", "predicted"),
    "patients with a true INR above 9 in 90 days, %": ("", "predicted"),
    "visits in range, days 30 to 90, %": ("61 (Nelson 2015)", "predicted"),
    "next visit in range after 1.5-2 or 3-3.5, %": ("60.0 (MAQI2)", "predicted"),
}


def rows(patients, draws):
    """All comparisons."""
    env, medium = hemosim_jax.make("WarfarinDosing-v0")
    easy = env.tier("easy")
    protocols = protocols_of(env)
    runs = {"constant": constant_courses(env)} | {
        name: clinic_courses(env, protocols[name])
        for name in (
            "eu_pact_pharmacogenetic",
            "eu_pact_control",
            "coag_pharmacogenetic",
            "coag_clinical",
        )
    }
    key, *keys = jax.random.split(jax.random.key(14), 1 + draws)
    simulated = found(runs, jax.random.split(key, patients), medium, easy)
    others = []
    for one in keys:
        drawn = draw_calibration(jax.random.fold_in(one, 1))
        with_it = [
            p.replace(patients=p.patients.replace(calibration=drawn)) for p in (medium, easy)
        ]
        others.append(found(runs, jax.random.split(one, patients), *with_it))
    for name, (published, kind) in PUBLISHED.items():
        low, high = np.quantile([other[name] for other in others], [0.05, 0.95])
        yield Row(name, published, simulated[name], (low, high), kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=4000)
    parser.add_argument("--draws", type=int, default=8)
    options = parser.parse_args()
    show("clinics of warfarin", rows(options.patients, options.draws), "90 %")


if __name__ == "__main__":
    main()
