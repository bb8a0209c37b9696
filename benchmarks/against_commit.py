"""This working tree against an earlier commit: the same numbers, and no slower.

    python -m benchmarks.against_commit e941e8f [--only rollouts|speed] [--out results.json]

Rollouts: for every id of the earlier commit and every tier, `PATIENTS` patients follow random
actions; observations, rewards, ends and every read-out of `info` must be the same to the last bit.
Speed: `env.step` of every id (vmapped, auto-reset, medium tier), the two trees in turn, best of
several; and how long each takes to compile. Both run in processes of their own, on this machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

PATIENTS = 16
STEPS = 24
SPEED_PATIENTS = 4096
ROUNDS = 5
TIERS = ("easy", "medium", "hard")
HERE = Path(__file__).resolve().parents[1]


def rollout(env, params):
    """Named arrays of a rollout under random actions, zero after an episode's end."""
    space = env.action_space(params)

    def one_patient(key):
        key_reset, key_steps = jax.random.split(key)
        observation, state = env.reset_env(key_reset, params)

        def one_step(carry, key):
            state, alive = carry
            key_action, key_step = jax.random.split(key)
            results = env.step_env(key_step, state, space.sample(key_action), params)
            observation, state, reward, terminated, info = results
            rows = {"observation": observation, "reward": reward, "terminated": terminated, **info}
            rows = jax.tree.map(lambda x: jnp.where(alive, x, jnp.zeros_like(x)), rows)
            return (state, alive & ~terminated & ~env.is_truncated(state, params)), rows

        start = (state, jnp.ones((), bool))
        _, rows = jax.lax.scan(one_step, start, jax.random.split(key_steps, STEPS))
        return {"first_observation": observation, **rows}

    keys = jax.random.split(jax.random.key(0), PATIENTS)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one_patient))(keys))


def speed(env, params):
    """Seconds to compile `env.step`, and a function that times it (ns per patient and step)."""
    keys = jax.random.split(jax.random.key(0), SPEED_PATIENTS)
    _, state = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))(keys, params)
    space = env.action_space(params)

    def run(key, state, params):
        def one_step(carry, key):
            state, total = carry
            key_action, key_step = jax.random.split(key)
            actions = jax.vmap(space.sample)(jax.random.split(key_action, SPEED_PATIENTS))
            step_keys = jax.random.split(key_step, SPEED_PATIENTS)
            observation, state, reward, *_ = jax.vmap(env.step, in_axes=(0, 0, 0, None))(
                step_keys, state, actions, params
            )
            return (state, total + reward.sum() + observation.sum()), None

        return jax.lax.scan(one_step, (state, 0.0), jax.random.split(key, STEPS))[0][1]

    started = time.perf_counter()
    compiled = jax.jit(run).lower(jax.random.key(1), state, params).compile()
    compile_s = time.perf_counter() - started

    def measure():
        best = float("inf")
        for repeat in range(ROUNDS):
            started = time.perf_counter()
            jax.block_until_ready(compiled(jax.random.key(repeat), state, params))
            best = min(best, time.perf_counter() - started)
        return 1e9 * best / (SPEED_PATIENTS * STEPS)

    return compile_s, measure


def worker(what: str, out: Path) -> None:
    """In a process of its own, with whichever tree is first on the path."""
    import hemosim_jax

    if what == "rollouts":
        arrays = {}
        for env_id in hemosim_jax.TASKS:
            for tier in TIERS:
                rows = rollout(*hemosim_jax.make(env_id, difficulty=tier))
                arrays |= {f"{env_id}|{tier}|{name}": value for name, value in rows.items()}
        np.savez(out, **arrays)
        return
    env_id = what.removeprefix("speed:")
    compile_s, measure = speed(*hemosim_jax.make(env_id))
    for line in sys.stdin:  # one measurement for each line: the two trees take turns
        if not line.strip():
            break
        print(json.dumps({"compile_s": compile_s, "ns": measure()}), flush=True)


def start(tree: Path, what: str, out: Path, **streams):
    """The worker on a tree."""
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", what, "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.Popen(command, cwd=tree, env=environment, text=True, **streams)


def compare_rollouts(trees: dict[str, Path], folder: Path) -> dict[str, list[str]]:
    """Names of what differs, by id and tier."""
    for name, tree in trees.items():
        if start(tree, "rollouts", folder / f"{name}.npz").wait():
            raise SystemExit(f"the rollouts of {name} failed")
    before, after = (np.load(folder / f"{name}.npz") for name in trees)
    differing: dict[str, list[str]] = {}
    for entry in before.files:
        env_id, tier, name = entry.split("|")
        row = differing.setdefault(f"{env_id} {tier}", [])
        if entry not in after.files:
            row.append(f"{name} is gone")
        elif before[entry].shape != after[entry].shape:
            row.append(f"{name}: {before[entry].shape} is now {after[entry].shape}")
        elif before[entry].tobytes() != after[entry].astype(before[entry].dtype).tobytes():
            a, b = (x[entry].astype(float) for x in (before, after))
            row.append(f"{name} (by up to {np.nanmax(np.abs(a - b)):.2g})")
    for where, names in differing.items():
        print(f"{where}: {'; '.join(names) if names else 'bit-identical'}")
    return differing


def compare_speed(trees: dict[str, Path], folder: Path, ids: list[str]) -> dict[str, dict]:
    """Nanoseconds per step and seconds of compilation of both trees, by id."""
    table = {}
    for env_id in ids:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        rows: dict[str, list] = {name: [] for name in trees}
        processes = {}
        for name, tree in trees.items():  # one compiles at a time
            processes[name] = start(tree, f"speed:{env_id}", folder / "unused", **pipes)
            rows[name].append(_ask(processes[name]))
        if not all(map(all, rows.values())):
            print(f"{env_id}: not in both trees")
            continue
        for _ in range(ROUNDS):
            for name, process in processes.items():
                rows[name].append(_ask(process))
        for process in processes.values():
            process.communicate("\n")
        best = {name: min(row["ns"] for row in rows[name]) for name in trees}
        compiled = {name: rows[name][0]["compile_s"] for name in trees}
        (before, after), (compiled_before, compiled_after) = best.values(), compiled.values()
        table[env_id] = {
            "ns_before": before,
            "ns_after": after,
            "speed_ratio": before / after,
            "compile_s_before": compiled_before,
            "compile_s_after": compiled_after,
        }
        print(
            f"{env_id}: {before:.0f} ns, now {after:.0f} ns, {before / after:.3f} x the speed; "
            f"compiled in {compiled_before:.1f} s, now {compiled_after:.1f} s",
            flush=True,
        )
    return table


def _ask(process) -> dict:
    """The next measurement; nothing if the tree has no such id."""
    process.stdin.write("go\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline() or "{}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", nargs="?")
    parser.add_argument("--only", choices=("rollouts", "speed"))
    parser.add_argument("--ids", nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, options.out)
        return
    from benchmarks.hardware import description

    print(description())
    results = {"hardware": description(), "commit": options.commit}
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "before"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--detach", str(old), options.commit], check=True)
        try:
            trees = {"before": old, "after": HERE}
            if options.only != "speed":
                results["differing"] = compare_rollouts(trees, Path(folder))
            if options.only != "rollouts":
                from hemosim_jax import TASKS

                results["speed"] = compare_speed(trees, Path(folder), options.ids or list(TASKS))
        finally:
            subprocess.run([*git, "remove", "--force", str(old)], check=True)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
