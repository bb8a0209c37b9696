import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import hemosim_jax
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import evaluate, mean_interval, rollouts
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.plotting import charts
from hemosim_jax.registry import protocols_of, task_of
from hemosim_jax.tasks.warfarin.population import sample_cohort


@pytest.fixture(scope="module")
def results(warfarin):
    env, params = warfarin.env, warfarin.params
    named = protocols_of(env)
    return {
        name: evaluate(task_of(env.name), env, params, named[name], held_out(0), num_patients=200)
        for name in ("iwpc_pharmacogenetic", "random")
    }


@pytest.fixture(scope="module")
def summaries(warfarin, results):
    return [report.summary(warfarin.task, result) for result in results.values()]


def test_a_training_stream_is_refused(warfarin):
    policy = protocols_of(warfarin.env)["random"]
    with pytest.raises(ValueError, match="needs a held-out stream, got the training stream"):
        evaluate(warfarin.task, warfarin.env, warfarin.params, policy, training(0))


def test_streams_share_no_keys():
    keys = {
        tuple(np.asarray(jax.random.key_data(key)))
        for stream in [*map(training, range(50)), *map(held_out, range(50))]
        for key in jax.random.split(stream.key(), 100)
    }
    assert len(keys) == 100 * 100


def test_policies_meet_the_same_patients(results):
    first, second = results.values()
    for name in first.groups:
        np.testing.assert_array_equal(first.groups[name], second.groups[name])


def test_results_are_those_of_the_courses(warfarin, results):
    policy = protocols_of(warfarin.env)["iwpc_pharmacogenetic"]
    followed = rollouts(warfarin.env, warfarin.params, policy, held_out(0), 200)
    result = results["iwpc_pharmacogenetic"]
    np.testing.assert_allclose(followed.reward.sum(1), result.episode_return, rtol=1e-3, atol=1e-2)
    days_above = np.where(followed.alive, followed.info["inr"] > 4.0, False).sum(1)
    share = 100.0 * days_above / followed.alive.sum(1)
    np.testing.assert_allclose(share, result.metrics["above_percent"], atol=0.1)


def test_nothing_counts_after_the_end(warfarin):
    policy = protocols_of(warfarin.env)["random"]
    followed = rollouts(warfarin.env, warfarin.params, policy, held_out(0), 200)
    assert followed.terminated.any()
    assert (followed.reward[~followed.alive] == 0).all()
    ended = followed.alive.sum(1)[followed.terminated]
    assert (ended < 90).any()
    last = followed.info["inr"][followed.terminated, ended - 1]
    assert (last > 5.7).all()  # it may have been higher earlier that day
    assert np.median(last) > 6.0
    assert followed.alive[~followed.terminated].all()


def test_an_agent_that_answers_nan_is_not_scored_in_silence(warfarin):
    no_number = lambda key, carry, seen: (seen[:1] * jnp.nan, carry)  # noqa: E731
    broken = Policy("broken", lambda params: (), no_number)
    result = evaluate(
        warfarin.task, warfarin.env, warfarin.params, broken, held_out(0), num_patients=8
    )
    assert report.summary(warfarin.task, result)["faulty_steps"] == 8 * 90
    spoiled = warfarin.params.replace(high_inr=jnp.nan, low_inr=jnp.nan)
    spoiled = spoiled.replace(reward_weights=spoiled.reward_weights.replace(target_inr=jnp.nan))
    with pytest.raises(ValueError, match="broken: the return of 8 of 8 patients is NaN"):
        evaluate(warfarin.task, warfarin.env, spoiled, broken, held_out(0), num_patients=8)


def test_each_patient_of_a_cohort_once(warfarin):
    env, params = warfarin.env, warfarin.params
    cohort = sample_cohort(jax.random.key(0), params.patients, params.risks, env.model, 30)
    policy = protocols_of(env)["iwpc_pharmacogenetic"]
    result = evaluate(task_of(env.name), env, params, policy, held_out(0), patients=cohort.patients)
    np.testing.assert_array_equal(result.groups["vkorc1"], cohort.patients.covariates.vkorc1)


def test_too_few_patients_are_refused(warfarin):
    policy = protocols_of(warfarin.env)["random"]
    with pytest.raises(ValueError, match="num_patients must be at least 2, got 1"):
        evaluate(warfarin.task, warfarin.env, warfarin.params, policy, held_out(0), num_patients=1)


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        _, low, high = mean_interval(rng.exponential(size=150))
        covered += low <= 1.0 <= high
    assert 0.95 - 5 * np.sqrt(0.95 * 0.05 / 200) < covered / 200 < 1.0
    assert mean_interval(np.full(5, 2.0)) == (2.0, 2.0, 2.0)


def test_summary_is_what_numpy_says(summaries, results):
    row, result = summaries[0], results["iwpc_pharmacogenetic"]
    assert row["patients"] == 200
    assert row["return"]["mean"] == pytest.approx(result.episode_return.mean())
    assert row["return"]["low"] < row["return"]["mean"] < row["return"]["high"]
    by_genotype = row["by_group"]["vkorc1"]
    assert sum(group["patients"] for group in by_genotype.values()) == 200
    gg = result.groups["vkorc1"] == 0
    assert by_genotype["GG"]["return"]["mean"] == pytest.approx(result.episode_return[gg].mean())


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_cell_of_a_table_is_cut(summaries, width):
    long = [
        {**row, **{f"another_long_metric_{n}_percent": row["return"] for n in range(4)}}
        for row in summaries
    ]
    console = Console(width=width, record=True, file=io.StringIO())
    table = report.table(long, "title")
    console.print(table)
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for _, cells in table.columns:
        for cell in cells:
            assert cell in text


@pytest.mark.parametrize(
    ("env_id", "best"),
    [("WarfarinDosing-v0", 90.0), ("DICManagement-v0", 10.0), ("DOACManagement-v0", 10.0)],
)
def test_what_stands_on_top_is_best_for_patients(env_id, best):
    display = hemosim_jax.task_of(env_id).display
    rows = [{display.outcome.name: {"mean": mean}} for mean in (50.0, 10.0, 90.0)]
    assert charts.worst_first(rows, display)[-1][display.outcome.name]["mean"] == best


def test_tables_and_charts(warfarin, summaries, tmp_path):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(report.table(summaries, "title"))
    for table in report.group_tables(warfarin.task, summaries[0]):
        console.print(table)
    text = console.export_text()
    assert text.index("iwpc_pharmacogenetic") < text.index("random")  # best first
    assert "*1/*3" in text
    assert "below" in text
    charts.comparison(summaries, warfarin.task.display, tmp_path / "comparison.png")
    policy = protocols_of(warfarin.env)["random"]
    followed = rollouts(warfarin.env, warfarin.params, policy, held_out(0), 2)
    charts.patient_rollouts(followed, warfarin.task.display, tmp_path / "courses.png", "random")
    rows = [{"steps": 1, "episode_return": None}, {"steps": 2, "episode_return": 3.0}]
    charts.learning_curve(rows, tmp_path / "curve.png")
    for name in ("comparison", "courses", "curve"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
