import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.tasks.lmwh.environment import EnoxaparinDosing
from hemosim_jax.tasks.lmwh.population import creatinine_clearance_ml_per_min
from tests.conftest import Task

LABEL = [0.5, 0.0]  # 1 mg/kg twice a day
STEPS = 20


def bedside(tier="medium", **options):
    """The task without its laboratory."""
    env = EnoxaparinDosing(tier, **options)
    result = Task.__new__(Task)
    result.env, result.params = env, env.default_params
    return result


@pytest.fixture(scope="module")
def medium():
    return bedside()


@pytest.fixture(scope="module")
def follow(medium):
    return medium.follower(4000, STEPS)


@pytest.fixture(scope="module")
def on_label(follow):
    return follow(LABEL)


def test_peaks_by_kidneys_against_another_study(follow, medium):
    # Peaks after about five doses of 1 mg/kg twice a day in 50 patients ("Renal function, peak
    # anti-Xa levels and enoxaparin dosing", March 2004), not fitted to: 1.58 ± 0.54 (n = 7) below
    # 30 mL/min, 1.25 ± 0.38 (19) up to 60, 0.93 ± 0.28 (24) above. Ours are 11 to 23 % lower, with
    # about the same spread: the bound is what was found, not what was hoped for.
    params = medium.params
    impaired = params.replace(patients=params.patients.replace(impaired=jnp.float32(0.6)))
    info = follow(LABEL, impaired)
    clearance, peak = info["creatinine_clearance_ml_per_min"][:, 0], info["peak_iu_per_ml"][:, 5]
    groups = (clearance < 30.0, (clearance >= 30.0) & (clearance <= 60.0), clearance > 60.0)
    for group, published, sd in zip(groups, (1.58, 1.25, 0.93), (0.54, 0.38, 0.28), strict=True):
        assert group.sum() > 50
        assert abs(peak[group].mean() - published) < 0.27 * published
        assert abs(peak[group].std() - sd) < 0.4 * sd


def test_the_share_of_events_is_what_was_expected(on_label):
    # And what reward pays for: the sum of the expected until the end has the mean of the events.
    ended = np.cumsum(on_label["major_bleed"] | on_label["recurrence"], axis=1)
    alive = ended - (on_label["major_bleed"] | on_label["recurrence"]) == 0
    for expected, event in (
        ("expected_bleeds", "major_bleed"),
        ("expected_recurrences", "recurrence"),
    ):
        count = (alive & on_label[event]).sum()
        mean = (alive * on_label[expected]).sum()
        assert abs(count - mean) < 3.5 * np.sqrt(mean)
    total = (alive * on_label["reward"]).sum()
    both = (alive * (on_label["expected_bleeds"] + on_label["expected_recurrences"])).sum()
    np.testing.assert_allclose(total, -200.0 * both, rtol=1e-4)


def test_chances_do_not_depend_on_the_step(medium):
    # The same patients, whose kidneys stay as they are.
    still = medium.params.replace(risks=jax.tree.map(jnp.zeros_like, medium.params.risks))
    found = {}
    for interval_h in (3.0, 12.0, 24.0):
        params = still.replace(decision_interval=jnp.float32(interval_h))
        info = medium.follower(500, round(240.0 / interval_h))(LABEL, params)
        found[interval_h] = [
            -np.expm1(-info[name].sum(axis=1)).mean()
            for name in ("expected_bleeds", "expected_recurrences")
        ]
    for interval_h in (3.0, 24.0):
        np.testing.assert_allclose(found[interval_h], found[12.0], rtol=0.01)


def test_bleeding_and_recurrence_as_fitted(follow, medium):
    # 1 mg/kg twice a day: 1 % recurrences in ten days; 2.4 % bleeds, and 2.96 times as many (95 %
    # interval 1.63 to 5.37) below 30 mL/min.
    params = medium.params
    impaired = params.replace(patients=params.patients.replace(impaired=jnp.float32(0.6)))
    usual, more = follow(LABEL), follow(LABEL, impaired)
    severe = more["creatinine_clearance_ml_per_min"][:, 0] < 30.0
    spared = usual["creatinine_clearance_ml_per_min"][:, 0] > 30.0
    bleeds = usual["expected_bleeds"].sum(axis=1)[spared].mean()
    ratio = more["expected_bleeds"].sum(axis=1)[severe].mean() / bleeds
    recurrences = usual["expected_recurrences"].sum(axis=1)[spared].mean()
    np.testing.assert_allclose([bleeds, recurrences], [0.024, 0.010], rtol=0.06)
    np.testing.assert_allclose(ratio, 2.96, rtol=0.35)  # few patients: standard error 11 %


def test_dose_adjusted_patients_bleed_no_more_than_others(follow, medium):
    # Lim et al. 2006, not fitted to: 0.9 % on adjusted doses below 30 mL/min, 1.9 % above (relative
    # risk 1.06, 0.23 to 4.97). And Merli et al. 2001: 1.5 mg/kg once a day against 1 mg/kg twice,
    # recurrences 4.4 against 2.9 %.
    params = medium.params
    impaired = params.replace(patients=params.patients.replace(impaired=jnp.float32(0.6)))
    adjusted = follow([0.5, 1.0], impaired)
    severe = adjusted["creatinine_clearance_ml_per_min"][:, 0] < 30.0
    usual, once = follow(LABEL), follow([0.75, 1.0])
    bleeds = adjusted["expected_bleeds"].sum(axis=1)[severe].mean()
    assert 0.3 < bleeds / usual["expected_bleeds"].sum(axis=1).mean() < 1.1
    recurrences = [x["expected_recurrences"].sum(axis=1).mean() for x in (once, usual)]
    assert 1.1 < recurrences[0] / recurrences[1] < 1.9


def test_untreated_recurrence(follow):
    info = follow([0.0, 0.0])
    ten_days = info["expected_recurrences"].sum(axis=1).mean()
    np.testing.assert_allclose(ten_days, 0.17, rtol=0.02)  # a little less: until the event
    np.testing.assert_array_equal(info["doses"], 0.0)


def test_the_peak_is_that_of_four_hours(medium):
    params = medium.params
    env = medium.env
    state = env.reset_env(jax.random.key(0), params)[1]
    fine = params.replace(decision_interval=jnp.float32(1.0))
    step = jax.jit(env.step_env)
    for hour in range(1, 9):
        before = state.peak_iu_per_ml
        state = step(jax.random.key(1), state, jnp.array(LABEL), fine)[1]
        if hour == 4:
            drug = env.observed(state, params)["trough_iu_per_ml"]
            np.testing.assert_allclose(state.peak_iu_per_ml, drug, rtol=1e-4)
        else:
            assert state.peak_iu_per_ml == before


@pytest.mark.parametrize("interval_h", [11.0, 30.0])
def test_no_peak_is_missed_at_odd_intervals(medium, interval_h):
    # In every half day there is one, of doses at 0, 12, 24, ... h.
    params = medium.params.replace(decision_interval=jnp.float32(interval_h))
    peak = medium.follower(2, round(120.0 / interval_h))(LABEL, params)["peak_iu_per_ml"][0]
    ends = interval_h * np.arange(1, peak.size + 1)
    drawn = np.floor((ends - 4.0) / 12.0)
    changed = np.diff(peak) != 0.0
    np.testing.assert_array_equal(changed, np.diff(drawn) > 0)


def test_once_a_day_is_given_once_a_day(follow):
    info = follow([0.5, 1.0])
    np.testing.assert_array_equal(info["doses"][:, :4], [[1.0, 0.0, 1.0, 0.0]] * 4000)


def test_not_a_number_is_no_treatment(follow):
    info = follow([np.nan, 0.0])
    assert not info["valid_action"].any()
    np.testing.assert_array_equal(info["doses"], 0.0)


def test_kidneys_drift_in_the_hard_tier():
    task = bedside("hard")
    info = task.follower(500, STEPS)(LABEL, task.params)
    clearance = info["creatinine_clearance_ml_per_min"]
    change = np.log(clearance[:, -1] / clearance[:, 0])
    assert 0.25 < change.std() < 0.6
    assert (clearance.min(axis=1) < 30.0).mean() > 0.1


def test_options():
    with pytest.raises(ValueError, match="model must be one of feng2006, green2005"):
        EnoxaparinDosing(model="barras2009")
    with pytest.raises(ValueError, match="has no option"):
        hemosim_jax.make("EnoxaparinDosing-v0", reagent="paper")


def test_cockcroft_and_gault():
    # 60 y, 72 kg, 1 mg/dL: 80 mL/min in a man, 68 in a woman.
    clearance = creatinine_clearance_ml_per_min(60.0, 72.0, jnp.array([True, False]), 1.0)
    np.testing.assert_allclose(clearance, [80.0, 68.0], rtol=1e-6)
