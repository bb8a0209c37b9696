import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.learning.advantage import generalized_advantage

GAMMA, LAMBDA, STEPS = 0.97, 0.9, 7


def advantages(*arrays_and_lambda):
    *arrays, gae_lambda = arrays_and_lambda
    return generalized_advantage(*map(jnp.asarray, arrays), gae_lambda)


def by_hand(reward, value, next_value, terminated, truncated):
    """Episode by episode, each from its own definition, in NumPy."""
    advantage = np.zeros(STEPS)
    starts = [0] + [t + 1 for t in range(STEPS) if terminated[t] or truncated[t]]
    for start, stop in zip(starts, [*starts[1:], STEPS], strict=True):
        for t in range(start, stop):
            for later in range(t, stop):
                future = 0.0 if terminated[later] else GAMMA * next_value[later]
                delta = reward[later] + future - value[later]
                advantage[t] += (GAMMA * LAMBDA) ** (later - t) * delta
    return advantage


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize("truncated", [False, True])
@pytest.mark.parametrize("at", [0, 3, STEPS - 1])
def test_all_flag_combinations_against_numpy(terminated, truncated, at):
    rng = np.random.default_rng(at)
    reward, value, next_value = rng.normal(size=(3, STEPS)).astype(np.float32)
    flags = np.zeros((2, STEPS), bool)
    flags[:, at] = terminated, truncated
    continuation, ended = 1.0 - flags[0], flags[0] | flags[1]
    result = jax.jit(generalized_advantage)(
        reward, value, next_value, GAMMA * continuation, ended, LAMBDA
    )
    np.testing.assert_allclose(
        result, by_hand(reward, value, next_value, *flags), rtol=1e-4, atol=1e-5
    )


def test_a_batch_is_lane_by_lane():
    rng = np.random.default_rng(1)
    reward, value, next_value = rng.normal(size=(3, STEPS, 5)).astype(np.float32)
    terminated, truncated = rng.random((2, STEPS, 5)) < 0.2
    continuation, ended = 1.0 - terminated, terminated | truncated
    result = advantages(reward, value, next_value, GAMMA * continuation, ended, LAMBDA)
    for lane in range(5):
        expected = by_hand(
            *(x[:, lane] for x in (reward, value, next_value, terminated, truncated))
        )
        np.testing.assert_allclose(result[:, lane], expected, rtol=1e-4, atol=1e-5)


def test_truncation_is_worth_the_future_and_termination_is_not():
    one, yes = np.ones(1, np.float32), np.ones(1, bool)

    def advantage(continuation):
        return advantages(one, 0 * one, 10 * one, GAMMA * continuation, yes, LAMBDA)[0]

    assert advantage(one) == pytest.approx(1.0 + GAMMA * 10.0)
    assert advantage(0 * one) == pytest.approx(1.0)
    assert advantage(0.3 * one) == pytest.approx(1.0 + 0.3 * GAMMA * 10.0)


def test_a_probability_of_continuation_is_a_discount():
    """The advantage is the mean over episodes that end by chance at each step."""
    rng = np.random.default_rng(2)
    reward, value, next_value = rng.normal(size=(3, STEPS)).astype(np.float32)
    continuation = np.full(STEPS, 0.8, np.float32)
    never = np.zeros(STEPS, bool)
    result = advantages(reward, value, next_value, GAMMA * continuation, never, LAMBDA)
    ended_at = rng.random((20_000, STEPS)) > continuation
    drawn = np.zeros(len(ended_at))
    alive = np.ones(len(ended_at), bool)
    for t in range(STEPS):
        future = np.where(ended_at[:, t], 0.0, GAMMA * next_value[t])
        drawn += alive * (GAMMA * LAMBDA) ** t * (reward[t] + future - value[t])
        alive &= ~ended_at[:, t]
    assert result[0] == pytest.approx(drawn.mean(), abs=4.0 * drawn.std() / np.sqrt(20_000))


def test_each_step_has_the_discount_of_its_duration():
    """Two half steps are worth what one whole step is, if what they lead to is."""
    reward, value = np.float32([0.0, 1.0]), np.zeros(2, np.float32)
    next_value, ended = np.float32([0.0, 8.0]), np.zeros(2, bool)
    halves = np.full(2, GAMMA**0.5, np.float32)
    twice = advantages(reward, value, next_value, halves, ended, 1.0)
    once = advantages(
        reward[1:] * GAMMA**0.5, value[1:], next_value[1:], halves[1:] ** 2, ended[1:], 1.0
    )
    assert twice[0] == pytest.approx(float(once[0]), rel=1e-6)
