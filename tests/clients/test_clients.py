"""Other people's libraries on our environments, each used as its own documentation does.

`.ci/clients` runs this with all of them, from the built wheel; elsewhere what is not installed is
skipped.
"""

import importlib
import os

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax

ID = "hemosim_jax/WarfarinDosing-v0"
pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own


def library(name):
    """The module; where all clients must be there (`HEMOSIM_CLIENTS`), it must be, too."""
    if os.environ.get("HEMOSIM_CLIENTS"):
        return importlib.import_module(name)
    return pytest.importorskip(name)


def test_sb3_by_id():
    sb3 = library("stable_baselines3")
    model = sb3.PPO("MlpPolicy", ID, n_steps=64, batch_size=32, n_epochs=1, device="cpu")
    model.learn(128)
    env_util = library("stable_baselines3.common.env_util")
    envs = env_util.make_vec_env(ID, n_envs=2, env_kwargs={"difficulty": "easy"})
    sb3.PPO("MlpPolicy", envs, n_steps=32, batch_size=32, n_epochs=1, device="cpu").learn(64)


def test_sb3_learns_on_many_patients_at_once_and_is_compared():
    sb3 = library("stable_baselines3")
    monitor = library("stable_baselines3.common.vec_env").VecMonitor
    from hemosim_jax.interop.stable_baselines import TreatmentVecEnv

    envs = monitor(TreatmentVecEnv("WarfarinDosing-v0", num_envs=128, difficulty="easy"))
    model = sb3.PPO(
        "MlpPolicy", envs, n_steps=45, batch_size=1440, n_epochs=6, learning_rate=1e-3, seed=0,
        device="cpu",
    )  # fmt: skip
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty="easy")
    before = hemosim_jax.compare(env, params, {"sb3": model}, num_patients=200).summaries[0]
    model.learn(128 * 45 * 30)
    result = hemosim_jax.compare(env, params, {"sb3": model, "random": "random"}, num_patients=200)
    after, chance = result.summaries
    assert after["return"]["mean"] > before["return"]["mean"] + 50.0
    assert after["return"]["mean"] > chance["return"]["mean"] + 100.0
    assert after["faulty_steps"] == 0


def test_sb3_checks_the_environment():
    checker = library("stable_baselines3.common.env_checker")
    for env_id in hemosim_jax.TASKS:
        checker.check_env(gymnasium.make(f"hemosim_jax/{env_id}").unwrapped)


def test_rejax_dqn():
    rejax = library("rejax")
    from hemosim_jax.interop.five_values import FiveValueEnv

    env = FiveValueEnv(hemosim_jax.make("HeparinInfusion-Discrete-v0", difficulty="easy")[0])
    dqn = rejax.DQN.create(
        env=env, env_params=env.default_params, num_envs=16, buffer_size=2000, fill_buffer=200,
        batch_size=64, total_timesteps=2000, eval_freq=1000, learning_rate=1e-3,
    )  # fmt: skip
    _, (_, returns) = jax.jit(dqn.train)(jax.random.key(0))
    assert np.isfinite(returns).all()


def test_gymnaxs_wrappers():
    purerl = importlib.import_module("gymnax.wrappers.purerl")
    to_gym = importlib.import_module("gymnax.wrappers.gym").GymnaxToGymWrapper
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    logged = purerl.LogWrapper(purerl.FlattenObservationWrapper(env))
    _, state = logged.reset(jax.random.key(0), params)
    step = jax.jit(logged.step)
    for number in range(91):
        *_, state, _, _, _, info = step(jax.random.key(number), state, jnp.array([0.3]), params)
    assert "returned_episode_returns" in info
    wrapped = to_gym(env, params, seed=0)
    observation, _ = wrapped.reset(seed=1)
    assert wrapped.observation_space.contains(np.asarray(observation))
    for _ in range(3):
        reward = wrapped.step(wrapped.action_space.sample())[1]
    assert np.isfinite(reward)


def test_a_loop_like_cleanrls():
    torch = library("torch")
    envs = gymnasium.make_vec(ID, num_envs=16, autoreset_mode="SameStep")
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(envs)
    torch.manual_seed(0)
    actor = torch.nn.Linear(8, 1)
    optimizer = torch.optim.Adam(actor.parameters(), lr=1e-2)
    seen, _ = envs.reset(seed=1)
    ended = 0
    for _ in range(3):
        losses = []
        for _ in range(32):
            policy = torch.distributions.Normal(torch.sigmoid(actor(torch.as_tensor(seen))), 0.1)
            action = policy.sample()
            seen, reward, terminated, truncated, info = envs.step(action.clip(0, 1).numpy())
            losses.append(-policy.log_prob(action)[:, 0] * torch.as_tensor(reward))
            if "final_info" in info:
                ended += int((terminated | truncated).sum())
                assert np.isfinite(info["episode"]["r"]).all()
        loss = torch.stack(losses).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ended >= 16


def test_a_video_is_recorded(tmp_path):
    library("moviepy")
    env = gymnasium.make("hemosim_jax/HeparinInfusion-v0", render_mode="rgb_array")
    env = gymnasium.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=lambda episode: True)
    env.reset(seed=0, options={"horizon": 18.0})
    truncated = False
    while not truncated:
        *_, truncated, _ = env.step(np.array([0.5, 0.0], np.float32))
    env.close()
    assert next(tmp_path.glob("*.mp4")).stat().st_size > 1000


def test_mo_gymnasium():
    library("mo_gymnasium")
    import mo_gymnasium

    env = mo_gymnasium.make("hemosim_jax/mo-HeparinInfusion-v0")
    env.reset(seed=0)
    reward = env.step(env.action_space.sample())[1]
    assert env.unwrapped.reward_space.contains(reward)
    scalar = mo_gymnasium.wrappers.LinearReward(env)
    assert np.isscalar(scalar.step(env.action_space.sample())[1])


@pytest.fixture
def minari_home(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    return library("minari")


def test_minaris_collector(minari_home):
    env = minari_home.DataCollector(gymnasium.make(ID, difficulty="easy"), record_infos=True)
    for seed in range(2):
        env.reset(seed=seed, options={"horizon": 120.0})
        truncated = False
        while not truncated:
            *_, truncated, _ = env.step(np.array([0.3], np.float32))
    dataset = env.create_dataset(dataset_id="warfarin/collected-v0")
    assert dataset.total_episodes == 2
    assert next(iter(dataset.iterate_episodes())).infos["inr"].shape == (6,)


@pytest.mark.parametrize("env_id", ["WarfarinDosing-v0", "DICManagement-v0"])
def test_an_offline_learner_on_our_dataset(minari_home, env_id):
    torch = library("torch")
    from hemosim_jax.experiment.cli import main

    arguments = ["--env-id", env_id, "--difficulty", "easy", "--episodes", "40"]
    main(["dataset", *arguments, "--name", "clinic/mixed-v0"])
    dataset = minari_home.load_dataset("clinic/mixed-v0")
    assert dataset.total_episodes == 80
    episodes = list(dataset.iterate_episodes())
    for one in episodes:
        assert one.observations.shape[0] == one.actions.shape[0] + 1
        assert np.isfinite(one.infos["log_probability"]).all()
        assert one.terminations[-1] | one.truncations[-1]
    guided = [one for one in episodes if one.infos["policy"][-1] == 0]
    assert len(guided) == 40
    seen = torch.as_tensor(np.concatenate([one.observations[:-1] for one in guided]))
    done = torch.as_tensor(np.concatenate([one.actions for one in guided]), dtype=torch.float32)
    torch.manual_seed(0)
    clone = torch.nn.Sequential(
        torch.nn.Linear(seen.shape[1], 32), torch.nn.Tanh(), torch.nn.Linear(32, done.shape[1])
    )
    optimizer, losses = torch.optim.Adam(clone.parameters(), lr=1e-2), []
    for _ in range(100):
        loss = torch.mean((clone(seen) - done) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]
    env = dataset.recover_environment()
    assert env.spec.kwargs["difficulty"] == "easy"
    env.reset(seed=0)


def test_tensorboard_reads_what_train_writes(tmp_path):
    library("tensorboard")
    from hemosim_jax.experiment.cli import main

    main([
        "train", "--out", str(tmp_path / "run"), "--total-steps", "1024", "--num-envs", "32",
        "--rollout-steps", "16", "--num-minibatches", "2", "--eval-patients", "0", "--tensorboard",
    ])  # fmt: skip
    accumulator = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    assert "entropy" in " ".join(events.Tags()["scalars"] + events.Tags()["tensors"])


def test_weights_and_biases_get_what_train_reports(tmp_path, monkeypatch):
    library("wandb")
    from hemosim_jax.experiment.cli import main

    monkeypatch.setenv("WANDB_MODE", "offline")
    main([
        "train", "--out", str(tmp_path / "run"), "--total-steps", "1024", "--num-envs", "32",
        "--rollout-steps", "16", "--num-minibatches", "2", "--eval-patients", "0",
        "--wandb", "warfarin",
    ])  # fmt: skip
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
