import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.fields import Reading
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of, task_of


@pytest.fixture(scope="module")
def hard():
    env, params = hemosim_jax.make("EnoxaparinDosing-v0", difficulty="hard")
    return env, params, protocols_of(env)


def seen_by(env, **values):
    """An observation with these values, everything else as for a man of 60."""
    rest = {
        "trough_iu_per_ml": (0.0, False),
        "peak_iu_per_ml": (0.0, False),
        "creatinine_mg_per_dl": 1.0,
        "age_y": 60.0,
        "weight_kg": 72.0,
        "height_cm": 176.0,
        "male": True,
    }
    filled = {}
    for field in env.observation_fields.fields:
        value = (rest | values).get(field.name, 0.0)
        if field.can_be_missing:
            value, known = value if isinstance(value, tuple) else (value, True)
            filled[field.name] = Reading(jnp.float32(value), jnp.array(known))
        else:
            filled[field.name] = jnp.float32(value)
    return env.observation_fields.encode(filled)


def decided(hard, name, carry=None, **values):
    env, params, protocols = hard
    policy = protocols[name]
    carry = policy.init(params) if carry is None else carry
    action, carry = policy.act(jax.random.key(0), carry, seen_by(env, **values))
    decoded = env.action_fields.decode(action)
    return decoded, carry


def test_label(hard):
    # 80 mL/min: 1 mg/kg twice a day; at four times the creatinine 20 mL/min: once.
    usual, _ = decided(hard, "label")
    severe, _ = decided(hard, "label", creatinine_mg_per_dl=4.0)
    np.testing.assert_allclose([usual.dose_mg_per_kg, severe.dose_mg_per_kg], 1.0, rtol=1e-6)
    assert not usual.once_daily
    assert severe.once_daily
    assert usual.order_creatinine


@pytest.mark.parametrize(("creatinine", "dose"), [(1.0, 1.0), (2.0, 0.8), (4.0, 0.66)])
def test_hulot(hard, creatinine, dose):
    first, carry = decided(hard, "hulot", creatinine_mg_per_dl=creatinine)
    second, _ = decided(hard, "hulot", carry, creatinine_mg_per_dl=creatinine)
    np.testing.assert_allclose(first.dose_mg_per_kg, 1.0, rtol=1e-6)
    np.testing.assert_allclose(second.dose_mg_per_kg, dose, rtol=1e-6)
    assert not second.once_daily


@pytest.mark.parametrize(
    ("peak", "ratio"), [(0.3, 1.25), (0.4, 1.1), (0.8, 1.0), (1.2, 0.8), (1.8, 0.7), (2.2, 0.0)]
)
def test_nomogram(hard, peak, ratio):
    # Ordered with the fourth dose, known at the fifth; above 2 nothing is given until it is low.
    carry, asked = None, []
    for _ in range(4):
        decision, carry = decided(hard, "anti_xa", carry)
        asked.append(bool(decision.order_peak))
    assert asked == [False, False, False, True]
    decision, carry = decided(hard, "anti_xa", carry, peak_iu_per_ml=peak, peak_age_h=12.0)
    np.testing.assert_allclose(decision.dose_mg_per_kg, ratio, rtol=1e-6, atol=1e-6)
    if ratio == 0.0:
        assert decision.order_trough
        decision, carry = decided(hard, "anti_xa", carry, trough_iu_per_ml=0.4)
        np.testing.assert_allclose(decision.dose_mg_per_kg, 0.6, rtol=1e-6)


def test_fixed(hard):
    decision, _ = decided(hard, "fixed", weight_kg=100.0)
    np.testing.assert_allclose(decision.dose_mg_per_kg, 0.8, rtol=1e-6)


@pytest.mark.long
def test_ranks_in_the_hard_tier(hard):
    # Reward and expected events agree: to look at the kidneys or the activity is worth its price.
    env, params, protocols = hard
    results = {
        name: evaluate(
            task_of(env.name), env, params, protocols[name], held_out(3), num_patients=1000
        )
        for name in ("label", "anti_xa", "random")
    }
    returns = {name: one.episode_return.mean() for name, one in results.items()}
    events = {name: one.metrics["expected_events_percent"].mean() for name, one in results.items()}
    assert returns["anti_xa"] > returns["label"] > returns["random"]
    assert events["anti_xa"] < events["label"]


def peaks_of(hard, readings):
    """What the nomogram decides, fed these peaks (and troughs) for each order that it gives."""
    decisions, carry, under_way, known = [], None, None, {}
    for decision in range(20):
        now_h = 12.0 * decision
        if under_way is not None:
            known = {"peak_iu_per_ml": readings.pop(0), "ordered_at_h": under_way}
        ages = {"peak_age_h": now_h - known["ordered_at_h"]} if known else {}
        values = {"peak_iu_per_ml": known["peak_iu_per_ml"]} if known else {}
        low = {"trough_iu_per_ml": 0.4} if decision >= 8 else {"trough_iu_per_ml": 1.0}
        decided_now, carry = decided(hard, "anti_xa", carry, **values, **ages, **low)
        under_way = now_h if decided_now.order_peak else None
        decisions.append((now_h, bool(under_way is not None), float(decided_now.dose_mg_per_kg)))
    return decisions


def test_nomogram_in_range_asks_the_next_day_and_then_within_a_week(hard):
    decisions = peaks_of(hard, [0.8, 0.8])
    assert [now_h for now_h, asked, _ in decisions if asked] == [36.0, 60.0, 228.0]


def test_nomogram_after_a_hold_looks_at_a_new_peak(hard):
    # 2.2 at 36 h: nothing until the trough is low at 96 h, then 0.6, whose own peak is asked for.
    decisions = peaks_of(hard, [2.2, 0.8, 0.8])
    doses = {now_h: round(dose, 3) for now_h, _, dose in decisions}
    assert [doses[h] for h in (36.0, 48.0, 84.0, 96.0, 108.0)] == [1.0, 0.0, 0.0, 0.6, 0.6]
    assert [now_h for now_h, asked, _ in decisions if asked] == [36.0, 108.0, 132.0]
