import copy
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import hemosim_jax
from hemosim_jax.interop.gymnasium_env import TreatmentGymEnv
from hemosim_jax.interop.gymnasium_vector import TreatmentVectorEnv

IDS = [f"hemosim_jax/{name}" for name in hemosim_jax.TASKS]
WARFARIN = "hemosim_jax/WarfarinDosing-v0"


@pytest.fixture(scope="module")
def env():
    return gymnasium.make(WARFARIN, difficulty="hard")


@pytest.fixture(scope="module")
def vector():
    return gymnasium.make_vec(WARFARIN, num_envs=32, autoreset_mode="SameStep")


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("difficulty", ["hard"])
def test_passes_gymnasiums_checker(env_id, difficulty):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The clock runs on where a longer horizon is asked for.
        warnings.filterwarnings("ignore", message=".*maximum value is infinity")
        # What Gymnasium says of a -v0 where there is a -v1.
        warnings.filterwarnings("ignore", message=".*is out of date")
        check_env(gymnasium.make(env_id, difficulty=difficulty).unwrapped, skip_render_check=True)


def test_the_module_form_needs_no_import():
    assert gymnasium.make(f"hemosim_jax:{WARFARIN}").spec.id == WARFARIN


def test_numpy_in_and_out(env):
    observation, info = env.reset(seed=3)
    assert isinstance(observation, np.ndarray)
    assert env.unwrapped.describe()["vkorc1"] in ("GG", "GA", "AA")
    assert observation.flags.writeable
    at_reset = set(info)
    observation, reward, terminated, truncated, info = env.step(np.array([0.4], np.float32))
    assert isinstance(observation, np.ndarray)
    assert type(reward) is float
    assert type(terminated) is bool
    assert type(truncated) is bool
    assert {type(value) for value in info.values()} <= {int, float, bool}
    assert set(info) == at_reset  # Minari's collector wants the same names
    terms = [value for name, value in info.items() if name.startswith("reward_")]
    assert sum(terms) == pytest.approx(reward, rel=1e-5)


def test_a_seed_fixes_the_whole_episode(env):
    def episode(seed):
        observation, _ = env.reset(seed=seed)
        rows = [observation]
        for _ in range(10):
            rows.append(env.step(np.array([0.3], np.float32))[0])
        return np.stack(rows)

    np.testing.assert_array_equal(episode(1), episode(1))
    assert not np.array_equal(episode(1), episode(2))


def test_episodes_differ_without_a_new_seed(env):
    env.reset(seed=0)
    first, _ = env.reset()
    second, _ = env.reset()
    assert not np.array_equal(first, second)


def test_truncates_after_ninety_days():
    env = gymnasium.make(WARFARIN, difficulty="easy")
    env.reset(seed=0)
    for day in range(1, 91):
        *_, terminated, truncated, info = env.step(np.array([0.3], np.float32))
        assert not terminated
        assert truncated == (day == 90)
        assert info["day"] == day


def test_reset_options_are_parameters(env):
    env.reset(seed=0, options={"horizon": 24.0})
    assert env.step(np.array([0.1], np.float32))[3]
    with pytest.raises(ValueError, match="'days' is none of decision_interval, horizon, "):
        env.reset(options={"days": 3})
    ward = gymnasium.make("hemosim_jax/WarfarinDosing-POMDP-v0")
    ward.reset(seed=0, options={"horizon": 24.0, "reward_per_chf": 0.0})
    assert ward.step(np.array([0.1, 1.0], np.float32))[3]
    for wrong in (np.nan, "x", [1, 2], None):
        with pytest.raises(ValueError, match="'high_inr' must be a finite number, got"):
            env.reset(options={"high_inr": wrong})
    for name in ("decision_interval", "horizon"):
        with pytest.raises(ValueError, match=f"'{name}' must be above 0, got 0"):
            env.reset(options={name: 0})


def test_the_same_id_compiles_once():
    first, second = (gymnasium.make(WARFARIN, difficulty="easy") for _ in range(2))
    for one in (first, second):
        one.reset(seed=0)
        one.step(np.array([0.1], np.float32))
    assert first.unwrapped._step is second.unwrapped._step
    assert first.unwrapped._step._cache_size() == 1
    assert first.unwrapped._reset._cache_size() == 1
    by_default = gymnasium.make(WARFARIN), gymnasium.make(WARFARIN, difficulty="medium")
    assert by_default[0].unwrapped._step is by_default[1].unwrapped._step
    other = gymnasium.make(WARFARIN, difficulty="hard")
    assert other.unwrapped._step is not first.unwrapped._step
    vectors = [gymnasium.make_vec(WARFARIN, num_envs=count) for count in (3, 4)]
    assert vectors[0].unwrapped._functions is vectors[1].unwrapped._functions


def test_two_of_one_id_do_not_share_their_patients():
    first, second = (gymnasium.make(WARFARIN, difficulty="easy") for _ in range(2))
    seen, _ = first.reset(seed=0)
    second.reset(seed=1)
    again, _ = first.reset(seed=0)
    np.testing.assert_array_equal(seen, again)
    action = np.array([0.4], np.float32)
    first.step(action)
    assert second.step(action)[0][-1] == pytest.approx(1 / 90)


@pytest.mark.parametrize("env_id", hemosim_jax.TASKS)
def test_environments_are_copied_and_pickled(env_id):
    env, params = hemosim_jax.make(env_id)
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert other.observation_space(params).shape == env.observation_space(params).shape
        assert other.action_fields.table() == env.action_fields.table()
        assert other.observation_fields.fields == env.observation_fields.fields


def test_gymnasium_environments_can_be_pickled_on_the_way():
    env = gymnasium.make("hemosim_jax/HeparinInfusion-v0").unwrapped
    env.reset(seed=0)
    env.step(np.array([0.5, 0.0], np.float32))
    same = pickle.loads(pickle.dumps(env))
    for one, other in zip(env.step(np.zeros(2)), same.step(np.zeros(2)), strict=True):
        np.testing.assert_equal(one, other)
    several = gymnasium.make_vec("hemosim_jax/HeparinInfusion-v0", num_envs=3)
    several.reset(seed=0)
    other = pickle.loads(pickle.dumps(several))
    actions = np.zeros((3, 2), np.float32)
    np.testing.assert_array_equal(several.step(actions)[0], other.step(actions)[0])


@pytest.mark.parametrize("task", ["WarfarinDosing-v0", "DICManagement-v0", "EnoxaparinDosing-v0"])
def test_renders_the_course(task):
    env = gymnasium.make(f"hemosim_jax/{task}", difficulty="easy", render_mode="rgb_array")
    env.reset(seed=0)
    pictures = [env.render()]
    for _ in range(2):
        env.step(env.action_space.sample())
        pictures.append(env.render())
    assert {picture.shape for picture in pictures} == {pictures[0].shape}
    assert pictures[0].dtype == np.uint8
    assert (pictures[1] != pictures[2]).any()
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), pictures[0])
    env.close()


def test_mistakes_are_named():
    fresh = TreatmentGymEnv("WarfarinDosing-v0")
    with pytest.raises(RuntimeError, match="reset"):
        fresh.step(np.array([0.1], np.float32))
    fresh.reset(seed=0)
    with pytest.raises(ValueError, match="action has shape"):
        fresh.step(np.array([0.1, 0.2], np.float32))
    with pytest.raises(ValueError, match="render_mode must be None, 'rgb_array' or 'human', got"):
        TreatmentGymEnv("WarfarinDosing-v0", render_mode="ansi")
    with pytest.raises(ValueError, match="num_envs must be at least 1"):
        TreatmentVectorEnv("WarfarinDosing-v0", num_envs=0)


def test_vector_resets_in_the_same_step(vector):
    assert vector.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    observation, info = vector.reset(seed=0)
    assert vector.observation_space.contains(observation)
    assert info["inr"].shape == (32,)
    finished = 0
    for _ in range(90):
        actions = np.full((32, 1), 0.9, np.float32)
        observation, reward, terminated, truncated, info = vector.step(actions)
        done = terminated | truncated
        assert vector.observation_space.contains(observation)
        assert reward.shape == (32,)
        if done.any():
            finished += done.sum()
            np.testing.assert_array_equal(info["_final_obs"], done)
            np.testing.assert_array_equal(info["_final_info"], done)
            index = np.flatnonzero(done)[0]
            assert info["final_obs"][index].shape == (8,)
            assert info["final_obs"][~done].tolist() == [None] * (~done).sum()
            assert info["final_info"]["day"][index] == 90.0
            np.testing.assert_allclose(observation[index][7], 0.0)  # day 0 of the next patient
            assert info["day"][index] == 0.0
            seen = 12.0 * observation[index][0]  # with the error of its assay
            np.testing.assert_allclose(seen, info["inr"][index], rtol=0.15)
            assert vector.unwrapped.describe(index)["vkorc1"] in ("GG", "GA", "AA")
        else:
            assert "final_obs" not in info
    assert finished > 0


def test_vector_is_seeded(vector):
    first, _ = vector.reset(seed=5)
    second, _ = vector.reset(seed=5)
    np.testing.assert_array_equal(first, second)
    assert np.unique(first[:, 3]).size > 20


def test_by_default_the_next_step_starts_the_next_patient():
    envs = gymnasium.make_vec(WARFARIN, num_envs=16)
    assert envs.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    envs.reset(seed=0)
    too_much = np.ones((16, 1), np.float32)
    ended = np.zeros(16, bool)
    for _ in range(40):
        before = ended
        observation, reward, terminated, truncated, info = envs.step(too_much)
        assert (observation[before, 7] == 0.0).all()  # day 0
        assert (reward[before] == 0.0).all()
        assert not (terminated | truncated)[before].any()
        assert (info["day"][before] == 0.0).all()
        assert (observation[~before, 7] > 0.0).all()
        ended = terminated | truncated
    assert "final_obs" not in info
    assert reward.dtype == np.float64
    observation[:] = 0.0  # of the caller's own


def test_patients_are_replaced_by_hand():
    envs = gymnasium.make_vec(WARFARIN, num_envs=4, autoreset_mode="Disabled")
    before, _ = envs.reset(seed=0)
    action = np.full((4, 1), 0.3, np.float32)
    stepped, *_ = envs.step(action)
    mask = np.array([True, False, True, False])
    after, info = envs.reset(options={"reset_mask": mask})
    np.testing.assert_array_equal(after[~mask], stepped[~mask])
    assert (after[mask, 7] == 0.0).all()
    assert (info["day"] == np.where(mask, 0.0, 1.0)).all()
    assert not np.array_equal(after[mask], before[mask])
    np.testing.assert_allclose(envs.step(action)[4]["day"], np.where(mask, 1.0, 2.0))
    with pytest.raises(ValueError, match="reset_mask must be 4 booleans"):
        envs.reset(options={"reset_mask": np.ones(3, bool)})
    with pytest.raises(ValueError, match="vectorized reset takes only reset_mask, got"):
        envs.reset(options={"horizon": 3.0})
    with pytest.raises(ValueError, match="autoreset_mode must be one of NextStep, SameStep, Disab"):
        gymnasium.make_vec(WARFARIN, num_envs=4, autoreset_mode="never")


def test_gymnasiums_vector_wrappers():
    envs = gymnasium.make_vec(WARFARIN, num_envs=8)
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(envs)
    envs = gymnasium.wrappers.vector.NormalizeObservation(envs)
    envs = gymnasium.wrappers.vector.ClipReward(envs, -1.0, 1.0)
    envs.reset(seed=0)
    for _ in range(95):
        observation, reward, *_, info = envs.step(envs.action_space.sample())
        assert np.isfinite(observation).all()
        assert (np.abs(reward) <= 1.0).all()
        if "episode" in info:
            break
    assert "episode" in info


def test_the_reward_as_a_vector():
    env = gymnasium.make("hemosim_jax/mo-WarfarinDosing-v0", difficulty="easy")
    scalar = gymnasium.make(WARFARIN, difficulty="easy")
    names = env.unwrapped.reward_names
    assert names[:3] == ["above", "below", "deviation"]
    for one in (env, scalar):
        one.reset(seed=0)
    action = np.array([0.3], np.float32)
    for _ in range(5):
        vector, single = env.step(action)[1], scalar.step(action)[1]
        assert env.unwrapped.reward_space.contains(vector)
        assert vector.sum() == pytest.approx(single, rel=1e-5)


def test_a_window_is_shown_and_closed(monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    env = gymnasium.make(WARFARIN, difficulty="easy", render_mode="human")
    env.reset(seed=0)
    env.step(np.array([0.3], np.float32))
    assert env.render() is None
    env.close()
