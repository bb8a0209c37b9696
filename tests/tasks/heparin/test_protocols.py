import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.evaluation.evaluate import rollouts
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.physiology.aptt_reagent import PAPER, RASCHKE, translate
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.heparin import nomograms

WEIGHT_KG = 80.0


def adjusted(nomogram, result, rate=1440.0, in_a_row=0, drawn_h=6.0, now_h=7.0):
    ward = nomograms.before_start().replace(
        rate_u_per_h=jnp.float32(rate), in_range_in_a_row=jnp.int32(in_a_row)
    )
    numbers = map(jnp.float32, (result, drawn_h, now_h, WEIGHT_KG))
    bounds = tuple(map(jnp.float32, nomogram.bounds))
    ward, bolus_u = nomograms.adjust(nomogram, bounds, ward, *numbers, 2500.0)
    return {
        "bolus": float(bolus_u) / WEIGHT_KG,
        "change": (float(ward.rate_u_per_h) - rate) / WEIGHT_KG,
        "hold_h": float(ward.resume_h) - now_h,
        "next_h": float(ward.next_check_h),
        "in_a_row": int(ward.in_range_in_a_row),
    }


@pytest.mark.parametrize(
    ("nomogram", "result", "bolus", "change", "hold_h"),
    [
        (nomograms.RASCHKE, 34.9, 80.0, 4.0, 0.0),
        (nomograms.RASCHKE, 35.0, 40.0, 2.0, 0.0),
        (nomograms.RASCHKE, 45.0, 40.0, 2.0, 0.0),
        (nomograms.RASCHKE, 46.0, 0.0, 0.0, 0.0),
        (nomograms.RASCHKE, 70.0, 0.0, 0.0, 0.0),
        (nomograms.RASCHKE, 71.0, 0.0, -2.0, 0.0),
        (nomograms.RASCHKE, 90.0, 0.0, -2.0, 0.0),
        (nomograms.RASCHKE, 91.0, 0.0, -3.0, 1.0),
        (nomograms.RASCHKE, 150.0, 0.0, -3.0, 1.0),
        (nomograms.ANTI_XA, 0.19, 80.0, 1.5, 0.0),
        (nomograms.ANTI_XA, 0.2, 40.0, 1.0, 0.0),
        (nomograms.ANTI_XA, 0.29, 40.0, 1.0, 0.0),
        (nomograms.ANTI_XA, 0.3, 0.0, 0.0, 0.0),
        (nomograms.ANTI_XA, 0.7, 0.0, 0.0, 0.0),
        (nomograms.ANTI_XA, 0.71, 0.0, -1.0, 0.0),
        (nomograms.ANTI_XA, 0.81, 0.0, -1.5, 0.5),
        (nomograms.ANTI_XA, 1.0, 0.0, -3.0, 1.0),
    ],
)
def test_the_tables_as_published(nomogram, result, bolus, change, hold_h):
    answer = adjusted(nomogram, result)
    assert answer["bolus"] == pytest.approx(bolus)
    assert answer["change"] == pytest.approx(change, abs=1e-4)
    assert answer["hold_h"] == pytest.approx(hold_h)


def test_changes_are_relative_to_the_running_rate():
    for rate in (800.0, 1440.0, 2000.0):
        assert adjusted(nomograms.RASCHKE, 40.0, rate)["change"] == pytest.approx(2.0, abs=1e-4)
    assert adjusted(nomograms.RASCHKE, 200.0, 100.0)["change"] == pytest.approx(-100.0 / WEIGHT_KG)
    assert adjusted(nomograms.RASCHKE, 30.0, 2450.0)["change"] == pytest.approx(50.0 / WEIGHT_KG)


def test_the_caps_of_the_anti_xa_guideline():
    heavy_kg = jnp.float32(150.0)
    ward, bolus_u = nomograms.start(nomograms.ANTI_XA, heavy_kg, jnp.float32(0.0))
    assert (float(ward.rate_u_per_h), float(bolus_u)) == (1800.0, 10_000.0)
    ward, bolus_u = nomograms.start(nomograms.RASCHKE, heavy_kg, jnp.float32(0.0))
    assert (float(ward.rate_u_per_h), float(bolus_u)) == (2700.0, 12_000.0)


def test_with_six_hour_decisions_a_change_settles_before_the_next_sample():
    _, _, course = follow("HeparinInfusion-POMDP-v0", "raschke", 64)
    info = course.info
    for patient in range(64):
        drawn_h = info["hours"][patient][info["aptt_ordered"][patient] & course.alive[patient]]
        gaps = np.diff(drawn_h)
        assert set(np.round(gaps)) <= {6.0, 12.0, 24.0}
    first = info["aptt_ordered"][:, 1] | ~course.alive[:, 1]
    assert first.all()  # six hours after the start


def test_samples_every_six_hours_then_daily_once_two_are_in_range():
    assert adjusted(nomograms.RASCHKE, 60.0)["next_h"] == 12.0
    second = adjusted(nomograms.RASCHKE, 60.0, in_a_row=1)
    assert (second["next_h"], second["in_a_row"]) == (30.0, 2)
    out = adjusted(nomograms.RASCHKE, 40.0, in_a_row=5)
    assert (out["next_h"], out["in_a_row"]) == (12.0, 0)
    late = adjusted(nomograms.RASCHKE, 40.0, drawn_h=6.0, now_h=12.0)
    assert late["next_h"] == 12.0 + nomograms.SETTLING_H  # not before the change has settled


def test_a_hold_is_exact_in_short_intervals_and_keeps_the_dose_in_long_ones():
    ward = nomograms.before_start().replace(
        rate_u_per_h=jnp.float32(1200.0), resume_h=jnp.float32(1.0)
    )
    rate = lambda now, interval: float(  # noqa: E731
        nomograms.infusion_u_per_h(ward, jnp.float32(now), jnp.float32(interval))
    )
    assert [rate(0.0, 0.5), rate(0.5, 0.5), rate(1.0, 0.5)] == [0.0, 0.0, 1200.0]
    assert rate(0.0, 6.0) == pytest.approx(1000.0)


def follow(env_id, name, count=6, **options):
    env, params = hemosim_jax.make(env_id, **options)
    return env, params, rollouts(env, params, protocols_of(env)[name], held_out(1), count)


def test_the_policy_follows_the_table_translated_to_the_reagent():
    _, _, course = follow("HeparinInfusion-v0", "raschke", 24, measurement_error=False)
    info, alive = course.info, course.alive
    weight_kg = info["bolus_u"][:, 0] / 80.0
    np.testing.assert_allclose(info["infusion_u_per_h"][:, 0] / weight_kg, 18.0, rtol=1e-4)
    bounds = np.asarray(translate(jnp.asarray(nomograms.RASCHKE.bounds), RASCHKE, PAPER))
    first_s = info["aptt_s"][:, 0]  # what the second decision sees
    band = np.searchsorted(bounds, first_s, side="right")
    for patient in np.flatnonzero(alive[:, 1]):
        step = nomograms.RASCHKE.steps[band[patient]]
        rate = (18.0 + step.rate_change_u_per_h) * (1.0 - step.hold_h / 6.0)
        given = info["infusion_u_per_h"][patient, 1] / weight_kg[patient]
        assert given == pytest.approx(min(rate, 2500.0 / weight_kg[patient]), rel=1e-3)
        assert (info["bolus_u"][patient, 1] > 0.0) == (step.bolus_u == 80.0)
    assert np.unique(band).size >= 3


def test_between_checks_nothing_changes_when_decisions_are_hourly():
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="easy")
    params = params.replace(decision_interval=jnp.float32(1.0), horizon=jnp.float32(24.0))
    course = rollouts(env, params, protocols_of(env)["raschke"], held_out(1), 32)
    rate = course.info["infusion_u_per_h"]
    changed = np.abs(np.diff(rate, axis=1)) > 1.0
    at_h = np.arange(1, 24)
    assert not changed[:, ~np.isin(at_h, (6, 7, 12, 13, 18, 19))].any()  # checks, ends of holds
    assert changed.any()


def test_the_ward_orders_every_six_hours_then_daily():
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0", difficulty="easy")
    params = params.replace(decision_interval=jnp.float32(1.0), horizon=jnp.float32(96.0))
    course = rollouts(env, params, protocols_of(env)["raschke"], held_out(2), 16)
    for patient in range(16):
        # `hours` is the end of the interval: the sample was drawn an hour before.
        drawn_h = course.info["hours"][patient][course.info["aptt_ordered"][patient]] - 1.0
        assert drawn_h[0] == pytest.approx(6.0, abs=0.1)
        gaps = np.diff(drawn_h)
        assert (gaps > 5.5).all()
        assert gaps.max() == pytest.approx(24.0, abs=0.5)
        assert not course.info["anti_xa_ordered"][patient].any()
        hours = course.info["hours"][patient][course.info["platelets_ordered"][patient]] - 1.0
        np.testing.assert_allclose(hours, [24.0, 48.0, 72.0], atol=0.1)


@pytest.mark.parametrize("name", ["raschke", "anti_xa"])
@pytest.mark.parametrize("env_id", ["HeparinInfusion-v0", "HeparinInfusion-POMDP-v0"])
def test_nomograms_do_better_than_chance(env_id, name):
    _, _, course = follow(env_id, name, 200)
    _, _, chance = follow(env_id, "random", 200)
    assert course.reward.sum(1).mean() > chance.reward.sum(1).mean() + 10.0


def test_a_result_is_acted_upon_once():
    # A rate changes when a result has come, and once more when the hold that it ordered ends.
    _, _, course = follow("HeparinInfusion-POMDP-v0", "raschke", 32)
    rate, came = course.info["infusion_u_per_h"], course.info["aptt_results"] > 0
    changes = np.abs(np.diff(rate, axis=1)) > 1.0  # from decision n to n + 1
    rises = np.diff(rate, axis=1) > 1.0
    later = changes[:, 1:] & course.alive[:, 2:]
    assert not (later & ~came[:, 1:-1] & ~(came[:, :-2] & rises[:, 1:])).any()
    assert (changes & came[:, :-1]).any()
