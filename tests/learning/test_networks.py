import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.spaces import Box, Discrete, MultiDiscrete, to_gymnasium
from hemosim_jax.learning import networks

SPACES = {"box": Box(-2.0, 6.0, (3,)), "discrete": Discrete(4), "multi": MultiDiscrete((4, 2, 3))}


def head_for(space):
    actor = networks.Actor(space, (8,))
    weights = actor.init(jax.random.key(0), jnp.ones((1, 5)))
    return actor.apply(weights, jax.random.normal(jax.random.key(1), (6, 5)))


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_samples_are_actions_of_the_space(space):
    policy = networks.distribution(space, head_for(space), 0.5)
    sample = policy.sample(jax.random.key(2), (200,))
    actions = networks.to_action(space, sample)
    assert all(space.contains(action) for action in actions.reshape(-1, *space.shape))
    assert policy.log_prob(sample).shape == (200, 6)
    assert np.isfinite(policy.entropy()).all()
    best = networks.to_action(space, networks.mode(space, head_for(space)))
    assert best.shape == (6, *space.shape)


def test_a_choice_beyond_its_size_is_impossible():
    space = SPACES["multi"]
    policy = networks.distribution(space, head_for(space), 0.0)
    sample = policy.sample(jax.random.key(0), (2000,))
    assert (sample.max((0, 1)) == jnp.array([3, 1, 2])).all()
    # Nearly uniform at the start: entropy is that of the existing choices.
    np.testing.assert_allclose(policy.entropy(), np.log(4 * 2 * 3), rtol=1e-3)


def test_the_middle_of_the_box_is_where_a_continuous_policy_starts():
    space = SPACES["box"]
    np.testing.assert_allclose(networks.to_action(space, jnp.zeros(3)), 2.0)
    np.testing.assert_allclose(networks.to_action(space, jnp.array([-1.0, 1.0, 9.0])), [-2, 6, 6])


def test_spaces_that_cannot_be_acted_in_are_refused():
    with pytest.raises(ValueError, match="must be a vector"):
        networks.head_size(Box(0.0, 1.0, (2, 2)))
    with pytest.raises(ValueError, match="must be bounded"):
        networks.head_size(Box(-np.inf, 1.0, (2,)))
    with pytest.raises(ValueError, match="Box, Discrete or MultiDiscrete"):
        networks.head_size(object())
    with pytest.raises(ValueError, match="positive integers"):
        MultiDiscrete((3, 0))


def test_multi_discrete_is_that_of_gymnasium():
    space = SPACES["multi"]
    assert list(to_gymnasium(space).nvec) == [4, 2, 3]
    samples = jax.vmap(space.sample)(jax.random.split(jax.random.key(0), 100))
    assert jax.vmap(space.contains)(samples).all()
    assert not space.contains(jnp.array([4, 0, 0]))
    assert repr(space) == "MultiDiscrete([4, 2, 3])"
