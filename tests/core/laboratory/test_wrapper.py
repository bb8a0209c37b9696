"""What tasks with an ordered laboratory share, and the laboratory around a task of another kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.fields import Field
from hemosim_jax.core.laboratory.monitor import Monitor, follow, switch_on
from hemosim_jax.core.laboratory.wrapper import Ordered, OrderedLaboratory
from hemosim_jax.core.spaces import MultiDiscrete
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.heparin.discrete import HeparinInfusionDiscrete
from hemosim_jax.tasks.heparin.environment import APTT_S, HOURS, WEIGHT_KG, HeparinInfusion
from hemosim_jax.tasks.heparin.pomdp import heparin_infusion_pomdp

IDS = {
    "HeparinInfusion-POMDP-v0": "HeparinInfusion-v0",
    "WarfarinDosing-POMDP-v0": "WarfarinDosing-v0",
}


@pytest.fixture(scope="module", params=IDS)
def pair(request):
    """The task, the observed task beside it, and steps of ordering everything every time."""
    env, params = hemosim_jax.make(request.param)
    observed, its_params = hemosim_jax.make(IDS[request.param])
    return env, params, observed, its_params


def roll(env, params, actions, key=0):
    def one_step(state, row):
        action, key = row
        observation, state, reward, _, info = env.step_env(key, state, action, params)
        return state, (observation, reward, info)

    observation, state = env.reset_env(jax.random.key(key), params)
    keys = jax.random.split(jax.random.key(key + 1), len(actions))
    state, rows = jax.jit(lambda s, a, k: jax.lax.scan(one_step, s, (a, k)))(state, actions, keys)
    return observation, state, jax.tree.map(np.asarray, rows)


@pytest.mark.parametrize("interval", [0.1, 1.0, 3.0])
def test_every_order_comes_back_once(pair, interval):
    env, params, _, _ = pair
    length = interval * params.decision_interval
    params = params.replace(decision_interval=length, horizon=1e6 * length)
    own = env.num_actions - len(env.panel)
    ordering = jnp.concatenate([jnp.full((60, own), 0.1), jnp.ones((60, len(env.panel)))], axis=1)
    waiting = jnp.full((100, env.num_actions), 0.1)
    _, _, (_, _, info) = roll(env, params, jnp.concatenate([ordering, waiting]))
    for name in env.panel:
        assert info[f"{name}_ordered"].sum() == info[f"{name}_results"].sum() > 5
        assert info[f"{name}_under_way"][-1] == 0
        assert not info[f"{name}_ordered"][60:].any()
    if interval >= 1.0:
        assert not info["order_refused"].any()


def test_the_result_is_of_the_time_of_the_order_not_of_its_arrival(pair):
    env, params, _, _ = pair
    name = next(iter(env.panel))
    exact = dict(env.panel) | {name: env.panel[name]._replace(analytical_cv=0.0)}
    env.panel, kept = exact, env.panel
    try:
        own = env.num_actions - len(env.panel)
        actions = jnp.zeros((4, env.num_actions)).at[:, 0].set(0.6).at[1, own].set(1.0)
        _, state, (_, _, info) = roll(env, params, actions)
        signal = info[hemosim_jax.task_of(env.name).display.signals[0].name]
        known = state.laboratory.known[name]
        assert known.drawn_h == params.decision_interval
        assert known.value == pytest.approx(signal[0], rel=1e-5)  # before the second treatment
        assert abs(signal[1] - signal[0]) > 1e-3
    finally:
        env.panel = kept


def test_orders_cost_and_nothing_else_differs_from_the_observed_task(pair):
    env, params, observed, its_params = pair
    own = observed.num_actions
    patient = observed.sample_patient(jax.random.key(3), its_params)
    key = jax.random.key(1)
    _, state = env.reset_to(jax.random.key(0), patient, params)
    _, plain = observed.reset_to(None, patient, its_params)
    treatment = jnp.full(own, 0.3)
    for flags in (0.0, 1.0):
        action = jnp.concatenate([treatment, jnp.full(len(env.panel), flags)])
        _, _, reward, _, info = env.step_env(key, state, action, params)
        key_task, _ = jax.random.split(key)
        given, hours = observed.decode_action(treatment), jnp.float32(its_params.decision_interval)
        after = observed.advance(key_task, plain, given, hours, its_params)
        expected, its_info = observed.reward(after, its_params), observed.info(after, its_params)
        cost = flags * sum(assay.cost_chf for assay in env.panel.values())
        assert info["laboratory_cost_chf"] == pytest.approx(cost)
        assert reward == pytest.approx(float(expected) - 0.004 * cost, abs=1e-4)
        for name, value in its_info.items():
            np.testing.assert_allclose(info[name], value, rtol=1e-5)


def test_results_of_admission_are_known_and_the_others_are_not(pair):
    env, params, _, _ = pair
    observation, state = env.reset_env(jax.random.key(0), params)
    seen = env.decode_observation(observation)
    for name, field in env.measured.items():
        known = np.isfinite(state.laboratory.known[name].drawn_h)
        assert known == (name in env.on_admission)
        reading = getattr(seen, field)
        assert bool(reading.known) == known
        assert np.isfinite(reading.value) == known
        if not known:
            assert getattr(seen, f"{name}_age_h") == env.oldest_h


def test_a_sample_drawn_at_the_very_start_replaces_the_result_of_admission():
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    actions = jnp.zeros((1, 5)).at[0, 2].set(1.0)
    first, state, (observations, _, info) = roll(env, params, actions)
    assert info["aptt_results"][0] == 1
    assert observations[0, 0] != first[0]  # another error
    known = state.laboratory.known["aptt"]
    assert known.arrives_h > 0.0


def test_the_hidden_state_stays_hidden():
    # Two patients who differ in what no laboratory was asked: the same observation.
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    _, state = env.reset_env(jax.random.key(0), params)
    condition = state.disturbances.replace(log_renal=jnp.float32(-0.5), immunized=jnp.asarray(True))
    drug = state.drug.replace(anti_xa_u_per_ml=state.drug.anti_xa_u_per_ml + 0.5)
    other = state.replace(disturbances=condition, drug=drug)
    assert env.readouts(other, params)["anti_xa_u_per_ml"] == 0.5
    np.testing.assert_array_equal(
        env.observe(None, state, None, params), env.observe(None, other, None, params)
    )


def test_ages_grow_and_the_heparin_observation_is_the_specified_one():
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    actions = jnp.zeros((3, 5)).at[:, 0].set(0.5).at[1, 2].set(1.0)
    first, _, (observations, _, info) = roll(env, params, actions)
    assert first.shape == (15,)
    seen = [env.decode_observation(o) for o in (first, *observations)]
    assert [float(s.aptt_age_h) for s in seen] == pytest.approx([0.0, 6.0, 6.0, 12.0])
    assert [float(s.anti_xa_age_h) for s in seen] == pytest.approx([48.0] * 4)
    assert [float(s.hours) for s in seen] == pytest.approx([0.0, 6.0, 12.0, 18.0])
    assert seen[0].aptt_s.value == pytest.approx(30.0, abs=15.0)
    assert seen[2].aptt_s.value == pytest.approx(info["aptt_s"][0], rel=5 * 0.04)
    assert not any(s.aptt_under_way for s in seen)
    soon = params.replace(decision_interval=jnp.float32(0.1))
    _, _, (observations, _, _) = roll(env, soon, actions)
    assert [bool(env.decode_observation(o).aptt_under_way) for o in observations] == [
        False,
        True,
        True,
    ]


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match="slots must be a whole number of at least 1, got 0"):
        heparin_infusion_pomdp(slots=0)
    state = heparin_infusion_pomdp(slots=2).reset(jax.random.key(0))[1]
    assert len(state.laboratory.in_flight["aptt"]) == 2
    with pytest.raises(ValueError, match="on_admission: 'inr' is none of aptt"):
        around(HeparinInfusion(), on_admission=("inr",))


def around(env, **options):
    panel = {"aptt": Ordered(assay_catalog.APTT, APTT_S)}
    own = {"name": "Test-v0", "version": "0", "visible": (WEIGHT_KG, HOURS)}
    return OrderedLaboratory(env, panel, **{**own, **options})


def test_a_laboratory_around_a_discrete_action():
    env = around(HeparinInfusionDiscrete("easy"))
    params = env.default_params
    assert isinstance(env.action_space(params), MultiDiscrete)
    assert env.action_space(params).sizes == (5, 2)
    actions = jnp.array([[4, 1], [4, 0], [2, 1]])
    _, state, (_, _, info) = roll(env, params, actions)
    np.testing.assert_array_equal(info["aptt_ordered"], [True, False, True])
    weight_kg = float(state.patient.covariates.weight_kg)
    rates = np.minimum(weight_kg * np.array([22.0, 26.0, 26.0]), 2500.0)
    np.testing.assert_allclose(info["infusion_u_per_h"], rates, rtol=1e-5)
    action = env.encode_orders(env.encode_action(3), aptt=True)
    np.testing.assert_array_equal(action, [3, 1])


ANTI_XA = Field("anti_xa_u_per_ml", "U/mL", (0.0, 2.0))


def monitored(**errors):
    monitor = Monitor(ANTI_XA, **{"period": 2.0, **errors})
    env = around(HeparinInfusion("easy"), monitors={"sensor": monitor})
    # Decisions every three hours, readings every two.
    return env, env.default_params.replace(decision_interval=jnp.float32(3.0))


def test_a_monitor_reads_by_itself_at_its_period():
    env, params = monitored()
    actions = jnp.zeros((8, 3)).at[:, 0].set(0.5)
    first, _, (observations, _, info) = roll(env, params, actions)
    seen = [env.decode_observation(o) for o in (first, *observations)]
    ages_h = [float(s.sensor_age_h) for s in seen]
    assert ages_h == pytest.approx([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], abs=1e-3)
    # At 6, 12, ... hours the reading is the level of that moment.
    for step in (2, 4, 6, 8):
        level = info["anti_xa_u_per_ml"][step - 1]
        assert float(seen[step].anti_xa_u_per_ml) == pytest.approx(float(level), rel=1e-4)


@pytest.mark.parametrize(
    ("errors", "spread"),
    [
        ({"additive_sd": 0.05}, lambda level: 0.05),
        ({"relative_sd": 0.1}, lambda level: 0.1 * level),
    ],
)
def test_errors_of_a_monitor(errors, spread):
    env, params = monitored(**errors)
    actions = jnp.zeros((12, 3)).at[:, 0].set(0.5)

    def deviations(key):
        _, state = env.reset_env(key, params)

        def one_step(state, row):
            _, state, _, _, info = env.step_env(row[1], state, row[0], params)
            return state, (state.shown["sensor"].value, info["anti_xa_u_per_ml"])

        return jax.lax.scan(one_step, state, (actions, jax.random.split(key, 12)))[1]

    keys = jax.random.split(jax.random.key(0), 2000)
    shown, level = map(np.asarray, jax.jit(jax.vmap(deviations))(keys))
    error = (shown - level)[:, -1] / spread(level[:, -1])  # at 36 h, a moment of a reading
    assert error.mean() == pytest.approx(0.0, abs=5 / np.sqrt(2000))
    assert error.std() == pytest.approx(1.0, abs=0.08)


@pytest.mark.parametrize(("memory", "expected"), [(0.0, 0.0), (6.0, np.exp(-1.0))])
def test_errors_of_a_monitor_may_persist(memory, expected):
    env, params = monitored(additive_sd=0.05, memory=memory)
    actions = jnp.zeros((12, 3)).at[:, 0].set(0.5)

    def errors(key):
        _, state = env.reset_env(key, params)

        def one_step(state, row):
            _, state, *_ = env.step_env(row[1], state, row[0], params)
            return state, state.shown["sensor"].error

        return jax.lax.scan(one_step, state, (actions, jax.random.split(key, 12)))[1]

    keys = jax.random.split(jax.random.key(1), 4000)
    error = np.asarray(jax.jit(jax.vmap(errors))(keys))
    # Readings at the ends of steps 10 and 12, six hours apart, one reading between them.
    correlation = np.corrcoef(error[:, 9], error[:, 11])[0, 1]
    assert correlation == pytest.approx(expected, abs=5 / np.sqrt(4000))


def test_monitors_alone_around_any_action_space():
    for task in (HeparinInfusionDiscrete(), HeparinInfusion()):
        env = OrderedLaboratory(
            task,
            {},
            name="watched",
            version="1",
            visible=(HOURS,),
            monitors={"aptt": Monitor(APTT_S, 1.0)},
        )
        params = env.default_params
        _, state = env.reset_env(jax.random.key(0), params)
        action = env.action_space(params).sample(jax.random.key(1))
        observation, *_ = env.step_env(jax.random.key(2), state, action, params)
        assert env.decode_observation(observation).aptt_s > 20.0
        own = task.encode_action(2) if task.action_fields.discrete else task.encode_action(0.0, 0.0)
        assert env.encode_orders(own).shape == env.action_space(params).shape


def test_a_monitor_and_an_assay_of_one_read_out():
    def around(shown, measures=""):
        return OrderedLaboratory(
            HeparinInfusion(),
            {"aptt": Ordered(assay_catalog.APTT, APTT_S)},
            name="both",
            version="1",
            visible=(HOURS,),
            monitors={"bedside": Monitor(shown, 1.0, measures=measures)},
        )

    env = around(Field("bedside_aptt_s", "s", (20.0, 200.0)), "aptt_s")
    params = env.default_params
    observation, state = env.reset_env(jax.random.key(0), params)
    seen = env.decode_observation(observation)
    np.testing.assert_allclose(
        seen.bedside_aptt_s, env.env.observed(state.task, params.task)["aptt_s"]
    )
    with pytest.raises(ValueError, match="two fields 'aptt_s'"):
        around(APTT_S)
    env = around(Field("apttt_s", "s", (20.0, 200.0)))
    with pytest.raises(ValueError, match="has no read-out 'apttt_s'; it has aptt_s"):
        env.reset_env(jax.random.key(0), env.default_params)


@pytest.mark.parametrize("slots", [0, -1])
def test_slots_are_counted(slots):
    with pytest.raises(ValueError, match="slots must be a whole number of at least 1"):
        heparin_infusion_pomdp(slots=slots)


def test_a_monitor_misses_no_minute():
    # Clocks of float32 add up to a little less than the minute.
    monitor = Monitor(APTT_S, 1.0 / 60.0)
    zero = jnp.float32(0.0)
    shown, now_h = switch_on(monitor, zero, zero), jnp.float32(0.0)
    for _ in range(480):
        later_h = now_h + jnp.float32(0.25)
        shown = follow(monitor, shown, (zero, zero), (now_h, later_h), zero)
        now_h = later_h
        assert abs(float(now_h - shown.read_at)) < 0.2 / 60.0
