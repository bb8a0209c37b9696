"""What every environment must do, as checks that anyone can run on their own.

from hemosim_jax.testing import check_environment
check_environment("MyDosing-v0")
"""

import copy
from collections.abc import Callable
from typing import Any

import chex
import gymnax
import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.spaces import Box
from hemosim_jax.core.task import Task
from hemosim_jax.registry import make, protocols_of, task_of

PATIENTS = 8


class Checked:
    """An environment with its functions compiled once, for many patients, and its task."""

    def __init__(self, env: TreatmentEnvironment, params: Any, task: Task):
        self.env, self.params, self.task = env, params, task
        self.sample = jax.jit(jax.vmap(env.sample_patient, in_axes=(0, None)))
        self.reset = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))
        self.step = jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, None)))
        self.step_env = jax.jit(jax.vmap(env.step_env, in_axes=(0, 0, 0, None)))
        self.step_alone = jax.jit(env.step_env)

    def actions(self, seed: int) -> jax.Array:
        """Random actions."""
        return jax.vmap(self.env.action_space(self.params).sample)(_keys(seed))


def check_environment(env_id: str, *, checks: tuple[Callable, ...] | None = None) -> None:
    """Runs the contract on a registered id; takes about a minute of compiling.

    **Raises:** `AssertionError` by the first check that fails, which names what is wrong;
    `KeyError` for an unknown id.
    """
    checked = Checked(*make(env_id), task_of(env_id))
    for check in checks or CHECKS:
        check(checked)


def check_registration(checked: Checked) -> None:
    """The id is the environment's name, gymnax knows it, protocols can be built."""
    env, params = gymnax.make(checked.env.name)
    assert type(env) is type(checked.env), f"gymnax.make builds a {type(env).__name__}"
    chex.assert_trees_all_equal(params, checked.params)
    assert env.version, "the environment has no version"
    for name, policy in protocols_of(checked.env).items():
        assert policy.name == name, f"protocol {name!r} calls itself {policy.name!r}"


def check_display(checked: Checked) -> None:
    """What charts and tables show exists among the read-outs and the metrics."""
    display = checked.task.display
    _, state = checked.env.reset(jax.random.key(0), checked.params)
    info = checked.env.info(state, checked.params)
    shown = (display.time, *display.signals, *display.treatments, *display.events)
    for name in (*(one.name for one in shown), *checked.task.groups):
        assert name in info, f"info has no {name!r}; it has {', '.join(info)}"
    for signal in display.signals:
        if isinstance(signal.target_range, str):
            low, high = getattr(checked.params, signal.target_range)
            assert low < high, f"{signal.target_range} must rise"
    course = jax.tree.map(lambda x: jnp.stack([x, x]), info)
    found = checked.task.metrics(course, jnp.ones(2, bool), checked.params)
    for name in (*(one.name for one in display.outcomes), *display.medians):
        assert name in found, f"metrics have no {name!r}; they have {', '.join(found)}"


def check_random_episodes(checked: Checked) -> None:
    """Whole episodes of random actions: finite, in the space, the same `info` at every step."""
    space = checked.env.observation_space(checked.params)
    observation, state = checked.reset(_keys(0), checked.params)
    names = None
    for step in range(int(checked.params.max_steps_in_episode) + 5):
        observation, state, reward, *_, info = checked.step(
            _keys(step + 1), state, checked.actions(step), checked.params
        )
        for seen in (observation, info["final_observation"]):
            assert jax.vmap(space.contains)(seen).all(), f"step {step}: observation out of space"
        chex.assert_tree_all_finite({"reward": reward, **info})
        assert info["solver_ok"].all(), f"step {step}: the solver failed"
        assert names in (None, set(info)), f"step {step}: info has other names"
        names = set(info)
        wanted = {"therapeutic", "cost", "discount", "terminated", "truncated"}
        assert wanted <= names, f"info has no {', '.join(wanted - names)}"
        terms = sum(value for name, value in info.items() if name.startswith("reward_"))
        np.testing.assert_allclose(reward, terms, rtol=1e-5, atol=1e-5)
    most = checked.params.max_steps_in_episode
    assert (np.asarray(state.time) <= most).all(), "an episode is longer than its horizon"


def check_flags(checked: Checked) -> None:
    """Terminations and truncations are told apart, and start the next patient."""
    env, interval = copy.copy(checked.env), checked.params.decision_interval
    env.is_terminated = lambda state, params: params.discount < 0.5  # of the cases below
    _, state = env.reset(jax.random.key(0), checked.params)
    led_to = None
    for terminated, truncated in ((False, False), (False, True), (True, False), (True, True)):
        params = checked.params.replace(
            horizon=interval * (1.0 if truncated else 99.0),
            discount=jnp.full_like(interval, 0.1 if terminated else 0.9),
        )
        observation, after, _, *ends, info = env.step(
            jax.random.key(1), state, checked.actions(0)[0], params
        )
        led_to = observation if led_to is None else led_to  # of the first case, which goes on
        assert list(map(bool, ends)) == [terminated, truncated], "step says other ends"
        assert bool(info["terminated"]) == terminated, "info says another termination"
        assert bool(info["truncated"]) == truncated, "info says another truncation"
        done = terminated or truncated
        assert int(after.time) == (0 if done else 1), "the state is not the next patient's"
        np.testing.assert_allclose(info["final_observation"], led_to, atol=1e-6)
        assert np.allclose(observation, led_to, atol=1e-6) != done, "wrong observation"


def check_avals(checked: Checked) -> None:
    """States of `reset` and `step` have the same shapes, dtypes and strong types."""

    def both(params):
        observation, state = checked.env.reset_env(jax.random.key(0), params)
        action = checked.env.action_space(params).sample(jax.random.key(1))
        stepped = checked.env.step_env(jax.random.key(2), state, action, params)
        return (observation, state), stepped[:2]

    before, after = jax.eval_shape(both, checked.params)
    chex.assert_trees_all_equal_shapes_and_dtypes(before, after)
    for path, leaf in jax.tree.leaves_with_path((before, after)):
        assert not leaf.weak_type, f"{jax.tree_util.keystr(path)} is weakly typed"


def check_traces(checked: Checked) -> None:
    """A second call, and other values of the parameters, compile nothing anew."""
    chex.clear_trace_counter()  # it counts by name: environments share `step_env`
    step = jax.jit(chex.assert_max_traces(checked.env.step_env, n=1))
    _, state = checked.env.reset(jax.random.key(0), checked.params)
    for seed in range(3):
        interval = checked.params.decision_interval * (1.0 + 0.1 * seed)
        params = checked.params.replace(decision_interval=interval)
        _, state, *_ = step(jax.random.key(seed), state, checked.actions(seed)[0], params)


def check_transformations(checked: Checked) -> None:
    """`vmap` equals a loop, `jit` equals no `jit`, parameters can be stacked."""
    env, params = checked.env, checked.params
    _, state = checked.reset(_keys(0), params)
    batched = checked.step_env(_keys(2), state, checked.actions(1), params)
    key, state, action = jax.tree.map(lambda x: x[1], (_keys(2), state, checked.actions(1)))
    alone = checked.step_alone(key, state, action, params)
    _close(alone, jax.tree.map(lambda x: x[1], batched))
    with jax.disable_jit():
        _close(alone, env.step_env(key, state, action, params))
    other = params.replace(decision_interval=2.0 * params.decision_interval)
    stacked = jax.tree.map(lambda *x: jnp.stack(x), params, other)
    both = jax.jit(jax.vmap(env.step_env, in_axes=(None, None, None, 0)))(
        key, state, action, stacked
    )
    _close(alone, jax.tree.map(lambda x: x[0], both))
    assert both[1].elapsed[1] > both[1].elapsed[0], "the clock does not follow the interval"


def check_keys(checked: Checked) -> None:
    """Equal keys give equal patients, others others; typed and legacy keys agree."""
    first, second, third = (checked.sample(_keys(seed), checked.params) for seed in (0, 0, 1))
    chex.assert_trees_all_equal(first, second)
    assert not _equal(first, third), "other keys give the same patients"
    typed = checked.env.reset(jax.random.key(3), checked.params)
    chex.assert_trees_all_equal(typed, checked.env.reset(jax.random.PRNGKey(3), checked.params))


def check_given_patient(checked: Checked) -> None:
    """`reset_to` starts with the patient given, whom the task can describe."""
    patient = jax.tree.map(lambda x: x[0], checked.sample(_keys(4), checked.params))
    observation, state = checked.env.reset_to(jax.random.key(0), patient, checked.params)
    space = checked.env.observation_space(checked.params)
    assert space.contains(observation), "observation out of space"
    chex.assert_trees_all_equal(state.patient, patient)
    words = checked.task.describe(state.patient)
    assert all(isinstance(name, str) for name in words), "describe: names must be strings"


def check_fields(checked: Checked) -> None:
    """A decoded observation has its fields' names and kinds."""
    observation, _ = checked.env.reset(jax.random.key(0), checked.params)
    decoded = checked.env.decode_observation(observation)
    kinds = {"flag": "b", "count": "i", "category": "i", "number": "f"}
    for field, value in zip(checked.env.observation_fields.fields, decoded, strict=True):
        number = value.value if field.can_be_missing else value
        known = value.known if field.can_be_missing else True
        assert np.isfinite(number) == known, f"{field.name} is {number}"
        assert number.dtype.kind == kinds[field.kind], f"{field.name} has dtype {number.dtype}"


def check_actions(checked: Checked) -> None:
    """An action that is no number is no treatment and flagged; one of a wrong shape an error."""
    env, params = checked.env, checked.params
    _, state = env.reset(jax.random.key(0), params)
    space = env.action_space(params)
    message = ""
    try:
        env.step(jax.random.key(1), state, jnp.zeros((3, 2)), params)
    except ValueError as error:
        message = str(error)
    assert "action has shape" in message, "an action of a wrong shape is no clear error"
    if not isinstance(space, Box):
        return
    step = checked.step_alone
    nothing = step(jax.random.key(1), state, jnp.zeros(space.shape), params)
    assert nothing[4]["valid_action"], "zeros are flagged"
    for bad in (np.nan, np.inf):
        broken = step(jax.random.key(1), state, jnp.full(space.shape, bad), params)
        assert not broken[4]["valid_action"], f"an action of {bad} is not flagged"
        as_valid = broken[1].replace(valid_action=nothing[1].valid_action)
        assert _equal(as_valid, nothing[1]), f"an action of {bad} is a treatment"


def check_gradients(checked: Checked) -> None:
    """Gradients of the first signal by the action: finite, somewhere not zero, cut by default."""
    space = checked.env.action_space(checked.params)
    if not isinstance(space, Box):
        return
    env = checked.env.with_transition_gradients()
    _, state = env.reset(jax.random.key(0), checked.params)
    signal = checked.task.display.signals[0].name

    def final_signal(action, env):
        def step(current, _):
            return env.step_env(jax.random.key(1), current, action, checked.params)[1], None

        last, _ = jax.lax.scan(step, state, None, length=3)
        return env.info(last, checked.params)[signal]

    action = jnp.full(space.shape, 0.3)
    slope = jax.jit(jax.grad(lambda a: final_signal(a, env)))(action)
    chex.assert_tree_all_finite(slope)
    assert np.abs(slope).max() > 0.0, f"{signal} does not depend on the action"
    cut = jax.jit(jax.grad(lambda a: final_signal(a, checked.env)))(action)
    assert np.abs(cut).max() == 0.0, "gradients are not cut by default"


CHECKS = (
    check_registration,
    check_display,
    check_random_episodes,
    check_flags,
    check_avals,
    check_traces,
    check_transformations,
    check_keys,
    check_given_patient,
    check_fields,
    check_actions,
    check_gradients,
)


def _keys(seed: int) -> jax.Array:
    return jax.random.split(jax.random.key(seed), PATIENTS)


def _close(a: Any, b: Any) -> None:
    chex.assert_trees_all_close(a, b, rtol=2e-5, atol=2e-5)


def _equal(a: Any, b: Any) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)
