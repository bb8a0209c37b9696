"""Steps per second of an environment under random actions, ours and hemosim's."""

import time
import warnings

import jax
import jax.numpy as jnp

import hemosim_jax
from hemosim_jax.core.spaces import MultiDiscrete

REPEATS = 7
STEPS_PER_MEASUREMENT = 2**20  # at least 40 steps of every patient
PATIENTS = 4096


def random_actions(key, space, count):
    """`count` actions at once: continuous ones in 0..1, or choices."""
    if isinstance(space, MultiDiscrete):
        return jax.random.randint(key, (count, *space.shape), 0, jnp.array(space.sizes))
    return jax.random.uniform(key, (count, *space.shape))


def random_rollout(env, params, patients, steps, block):
    """A jitted function of (key, state, params): `steps` steps of all patients, block by block."""
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))
    space = env.action_space(params)

    def roll(key, state, params):
        def one_step(carry, _):
            key, state, total = carry
            key, key_action, key_step = jax.random.split(key, 3)
            actions = random_actions(key_action, space, block)
            keys = jax.random.split(key_step, block)
            observation, state, reward, *_ = step(keys, state, actions, params)
            return (key, state, total + reward.sum() + observation.sum()), None

        start = (key, state, jnp.float32(0.0))
        return jax.lax.scan(one_step, start, None, length=steps)[0][1:]

    def run(key, state, params):
        blocks = patients // block
        split = jax.tree.map(lambda x: x.reshape(blocks, block, *x.shape[1:]), state)
        keys = jax.random.split(key, blocks)
        return jax.lax.map(lambda row: roll(*row, params), (keys, split))

    return jax.jit(run)


def nanoseconds_per_step(env_id, difficulty, patients, block, steps=None):
    """Nanoseconds per patient and step (best of several), and seconds to compile."""
    env, params = hemosim_jax.make(env_id, difficulty=difficulty)
    steps = steps or max(40, STEPS_PER_MEASUREMENT // patients)
    keys = jax.random.split(jax.random.key(0), patients)
    _, state = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))(keys, params)
    started = time.perf_counter()
    run = random_rollout(env, params, patients, steps, block)
    compiled = run.lower(jax.random.key(1), state, params).compile()
    compile_s = time.perf_counter() - started
    best_s = float("inf")
    for repeat in range(REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(compiled(jax.random.key(repeat), state, params))
        best_s = min(best_s, time.perf_counter() - started)
    return 1e9 * best_s / (patients * steps), compile_s


def hemosim_steps_per_s(env_id, seconds=4.0):
    """Single-process steps per second of hemosim's environment of the same name, or None."""
    try:
        import gymnasium
        import hemosim  # noqa: F401
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = gymnasium.make(f"hemosim/{env_id}", difficulty="medium")
        env.reset(seed=0)
        env.action_space.seed(0)
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            steps += 1
            if terminated or truncated:
                env.reset()
        return steps / (time.perf_counter() - started)


def compare(env_id, peer_id=None):
    """Measures and prints both: hemosim before and after ours, tiers medium and hard.

    `peer_id`: of hemosim's environment, where it has another id.
    """
    peer_id = peer_id or env_id
    peer = hemosim_steps_per_s(peer_id)
    row = {}
    for difficulty in ("medium", "hard"):
        nanoseconds, compile_s = nanoseconds_per_step(env_id, difficulty, PATIENTS, PATIENTS)
        row[difficulty] = {"ns_per_step": nanoseconds, "compile_s": compile_s}
        print(
            f"{env_id} {difficulty}, {PATIENTS} patients: {1e3 / nanoseconds:.2f} M steps/s, "
            f"{nanoseconds:.1f} ns a step, compiled in {compile_s:.1f} s"
        )
    if peer is None:
        print("hemosim is not installed: no ratio")
    else:
        again = hemosim_steps_per_s(peer_id)
        row["hemosim_steps_per_s"] = max(peer, again)
        row["ratio"] = 1e9 / row["medium"]["ns_per_step"] / max(peer, again)
        print(f"hemosim 0.2.2: {peer:.0f} and {again:.0f} steps/s; ratio {row['ratio']:.0f}")
    return row
