"""The pure functions of an environment in every way JAX can run them."""

import chex
import jax
import jax.numpy as jnp
import numpy as np

import hemosim_jax


class StepVariants(chex.TestCase):
    @chex.variants(with_jit=True, without_jit=True, with_device=True)
    def test_a_step_is_the_same_in_all(self):
        env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty="easy")
        _, state = env.reset(jax.random.key(0), params)
        step = self.variant(env.step_env)
        observation, after, *_ = step(jax.random.key(1), state, jnp.array([0.4]), params)
        chex.assert_shape(observation, (8,))
        chex.assert_trees_all_equal_shapes_and_dtypes(after, state)
        np.testing.assert_allclose(env.decode_observation(observation).day, 1.0, rtol=1e-6)
