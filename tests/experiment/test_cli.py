import json

import jax
import pytest

import hemosim_jax
from hemosim_jax.experiment import cli
from hemosim_jax.learning.config import PPOConfig
from tests.tasks.warfarin.test_cohort import written

TINY = [
    "--total-steps", "2048", "--num-envs", "32", "--rollout-steps", "16", "--num-minibatches", "2",
    "--hidden-sizes", "8", "--eval-patients", "40",
]  # fmt: skip


def run(capsys, *arguments, status=0):
    """Runs the command line; returns what it printed."""
    try:
        cli.main([str(a) for a in arguments])
        code = 0
    except SystemExit as end:
        code = end.code
    printed = capsys.readouterr()
    assert code == status, printed.err
    return printed.out if status == 0 else printed.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "warfarin"
    cli.main(["train", "--out", str(directory), *TINY])
    return directory


def test_train_leaves_everything_a_run_needs(trained):
    files = {path.name for path in trained.iterdir()}
    assert files == {
        "config.json", "checkpoints", "metrics.jsonl", "learning_curve.png",
        *(f"evaluation_simulated.{kind}" for kind in ("json", "md", "png", "txt")),
        *(f"evaluation_simulated_by_{group}.png" for group in ("cyp2c9", "vkorc1")),
        "evaluation_simulated_courses.png", "evaluation_simulated_by_patient.parquet",
    }  # fmt: skip
    config = json.loads((trained / "config.json").read_text())
    assert config["hyperparameters"]["num_envs"] == 32
    assert config["hyperparameters"]["learning_rate"] == 1e-3  # from the preset
    assert config["task"]["difficulty"] == "medium"  # by default
    assert config["versions"]["jax"] == jax.__version__
    result = json.loads((trained / "evaluation_simulated.json").read_text())
    policies = [row["policy"] for row in result["policies"]]
    assert result["baseline"] == "fixed_5mg"
    assert policies[0] == "ppo"
    assert "eu_pact_control" in policies


def test_evaluate_a_run_on_another_tier(capsys, trained, tmp_path):
    arguments = ("--run", trained, "--difficulty", "easy", "--patients", 30, "--out", tmp_path)
    out = run(capsys, "evaluate", *arguments)
    assert "ppo" in out
    assert "easy tier, 30 new patients" in out
    assert "minus fixed_5mg" in out
    result = json.loads((tmp_path / "evaluation_simulated.json").read_text())
    assert list(result["policies"][0]["by_group"]["vkorc1"]) == ["GG"]
    text = (tmp_path / "evaluation_simulated.txt").read_text()
    assert "ppo, by cyp2c9" in text
    assert "fixed_5mg, by vkorc1" in text


def test_simulate(capsys, trained, tmp_path):
    run(capsys, "simulate", "--policy", "ppo", "--run", trained, "--patients", 2, "--out", tmp_path)
    lines = (tmp_path / "courses.csv").read_text().splitlines()
    assert lines[0].startswith("patient,day,inr")
    assert len(lines) > 20
    assert (tmp_path / "courses.png").is_file()


def test_resume_of_a_finished_run_and_refusal_to_overwrite(capsys, trained):
    run(capsys, "train", "--out", trained, "--resume", "--eval-patients", 0)
    message = run(capsys, "train", "--out", trained, *TINY, status=2)
    assert "holds a run already" in message
    for option, value in (("--difficulty", "hard"), ("--learning-rate", 7.0), ("--seed", 3)):
        message = run(capsys, "train", "--out", trained, "--resume", option, value, status=2)
        assert "cannot be given with it" in message


def test_another_version_of_the_task_is_refused(capsys, trained, tmp_path):
    config = json.loads((trained / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"environment_version": "99"}))
    for arguments in (("train", "--out", tmp_path, "--resume"), ("evaluate", "--run", tmp_path)):
        message = run(capsys, *arguments, status=2)
        assert "was trained on version 99 of WarfarinDosing-v0; this is version 2" in message


def test_list_and_version(capsys):
    out = run(capsys, "list")
    for env_id, task in hemosim_jax.TASKS.items():
        assert env_id in out
        assert all(name in out for name in task.variants[env_id].protocols)
    assert "difficulty=medium, label=EU" in " ".join(out.split()).replace("edoxaban=False, ", "")
    assert run(capsys, "--version") == f"hemosim-jax {hemosim_jax.__version__}\n"


def test_every_option_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    text = capsys.readouterr().out
    for name in vars(PPOConfig()):
        assert f"--{name.replace('_', '-')}" in text or name.startswith(("anneal", "normalize")), (
            name
        )
        assert name.replace("_", "-") in text
    for name in ("difficulty", "ancestry", "preset", "seed", "resume", "cohort"):
        assert f"--{name}" in text


def test_the_help_says_what_is_allowed(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "{easy,medium,hard}" in text
    assert "every task: medium" in text
    assert "{None}" not in text
    assert all(env_id in text for env_id in hemosim_jax.TASKS)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("list", "train", "evaluate", "simulate", "dataset"))


def test_seeds_of_a_q_network(capsys, tmp_path):
    out = run(
        capsys, "train", "--env-id", "HeparinInfusion-Discrete-v0", "--algorithm", "dqn",
        "--seeds", 2, "--seed", 3, "--total-steps", 640, "--num-envs", 8, "--steps-per-update", 20,
        "--buffer-steps", 40, "--minibatch-size", 16, "--hidden-sizes", 8, "--eval-patients", 0,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert out.count("640/640 steps") == 2  # plain lines, where there is no terminal
    config = json.loads((tmp_path / "run" / "seed_4" / "config.json").read_text())
    assert (config["algorithm"], config["seed"]) == ("dqn", 4)
    policy = hemosim_jax.load_policy(tmp_path / "run" / "seed_4")
    assert policy.name == "seed_4"
    out = run(capsys, "evaluate", "--run", tmp_path / "run", "--patients", 20, "--out", tmp_path)
    assert "seed_3" in out
    assert "seed_4" in out


def test_a_described_patient_is_followed(capsys, tmp_path):
    content = {
        "patient": "72 y, 60 kg, *1/*3, AA",
        "doses": [{"time": 0, "dose_mg": 3, "ii": 24, "addl": 6}],
        "times": {"from": 0, "to": 168, "every": 12},
    }
    file = tmp_path / "patient.json"
    file.write_text(json.dumps(content))
    run(capsys, "simulate", "--patient", file, "--out", tmp_path)
    lines = (tmp_path / "courses.csv").read_text().splitlines()
    assert lines[0].startswith("patient,time,day,inr,dose_taken_mg,")
    assert len(lines) == 1 + 15
    assert (tmp_path / "courses.png").is_file()
    file.write_text(json.dumps({"doses": []}))
    error = run(capsys, "simulate", "--patient", file, "--out", tmp_path, status=2)
    assert "must be an object with doses, times" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--env-id", "Nothing-v0"], "unknown environment 'Nothing-v0'; registered: "),
        (["train", "--difficulty", "brutal"], "difficulty must be one of easy, medium, hard"),
        (["train", "--ancestry", "Martian"], "ancestry must be one of European"),
        (["train", "--preset", "mine"], "preset must be one of wide, paper; got 'mine'"),
        (["train", "--total-steps", "100"], "total_steps must be at least 65536, one update"),
        (["train", "--algorithm", "sarsa"], "algorithm must be one of ppo, dqn; got 'sarsa'"),
        (["train", "--gae-lambda", "0.9", "--algorithm", "dqn"], "dqn has no option 'gae_lambda'"),
        (["train", "--seeds", "0"], "seeds must be at least 1, got 0"),
        (["train", "--reagent", "raschke"], "WarfarinDosing-v0 has no option 'reagent'"),
        (["evaluate", "--protocols", "magic"], "protocols must be of fixed_5mg, "),
        (["evaluate", "--baseline", "magic"], "baseline must be one of fixed_5mg, "),
        (["train", "--eval-patients", "1"], "eval_patients must be 0 or at least 2, got 1"),
        (["train", "--eval-patients", "-5"], "eval_patients must be 0 or at least 2, got -5"),
        (["train", "--checkpoint-every", "0"], "checkpoint_every must be at least 1, got 0"),
        (["train", "--num-envs", "-1"], "num_envs must be at least 1, got -1"),
        (["train", "--cohort", "nowhere.csv"], "file 'nowhere.csv' does not exist"),
        (["train", "--resume"], "no training run in"),
        (["evaluate", "--run", "nowhere"], "no training run in 'nowhere'"),
        (["evaluate", "--cohort", "nowhere.csv"], "file 'nowhere.csv' does not exist"),
        (["evaluate", "--patients", "1"], "num_patients must be at least 2, got 1"),
        (["simulate", "--policy", "magic"], "policy must be one of fixed_5mg"),
        (["simulate", "--policy", "ppo"], "policy must be one of fixed_5mg"),
    ],
)
def test_mistakes_end_in_one_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    error = run(capsys, *arguments, status=2)
    assert error.startswith("hemosim-jax: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "damage",
    [
        '{"task": ', "{}", "[1]", "null",
        lambda good: good | {"task": {"env_id": ["a"]}},
        lambda good: good | {"task": {"env_id": "Nothing-v0"}},
        lambda good: good | {"seed": "x"},
        lambda good: good | {"hyperparameters": good["hyperparameters"] | {"num_envs": "x"}},
        lambda good: good | {"hyperparameters": good["hyperparameters"] | {"num_envs": 0}},
        lambda good: good | {"hyperparameters": {"num_envs": 3}},
        lambda good: good | {"algorithm": "sarsa"},
        lambda good: good | {"hyperparameters": good["hyperparameters"] | {"new_option": 1}},
    ],
)  # fmt: skip
def test_a_damaged_run_ends_in_one_line(capsys, trained, tmp_path, damage):
    if callable(damage):
        damage = json.dumps(damage(json.loads((trained / "config.json").read_text())))
    (tmp_path / "config.json").write_text(damage)
    for arguments in (("evaluate", "--run", tmp_path), ("train", "--resume", "--out", tmp_path)):
        error = run(capsys, *arguments, status=2)
        assert "is damaged" in error
        assert len(error.strip().splitlines()) == 1


def test_a_cohort_file(capsys, tmp_path):
    path = written(tmp_path, {}, {"Race": "White"}, {"Weight (kg)": "NA"})
    out = run(capsys, "evaluate", "--cohort", path, "--out", tmp_path / "out")
    assert "2 patients; left out: weight missing: 1" in out
    assert "2 patients of the cohort" in out
    path = written(tmp_path, {})
    error = run(capsys, "evaluate", "--cohort", path, status=2)
    assert "has 1 usable patient; 2 are needed" in error


def test_heparin_is_simulated_by_its_first_protocol(capsys, tmp_path):
    task = ("--env-id", "HeparinInfusion-POMDP-v0", "--reagent", "raschke")
    run(capsys, "simulate", *task, "--patients", 2, "--out", tmp_path)
    lines = (tmp_path / "courses.csv").read_text().splitlines()
    assert lines[0].startswith("patient,hours,aptt_s,infusion_u_per_h,")
    assert len(lines) > 3
    assert (tmp_path / "courses.png").stat().st_size > 0


def test_heparin_is_evaluated_on_a_cohort_file(capsys, tmp_path):
    cohort = tmp_path / "cohort.csv"
    cohort.write_text("age,sex,weight_kg\n70,F,60\n55,M,90\n60,M,NA\n")
    arguments = ("--env-id", "HeparinInfusion-v0", "--cohort", cohort, "--out", tmp_path)
    out = run(capsys, "evaluate", *arguments)
    assert "2 patients; left out: weight missing: 1" in out
    assert "raschke" in out


def test_a_recurrent_policy_is_trained_stored_and_judged(capsys, tmp_path):
    task = ("--env-id", "HeparinInfusion-POMDP-v0", "--memory-size", 8)
    run(capsys, "train", *task, *TINY[:-1], 0, "--out", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["hyperparameters"]["memory_size"] == 8
    out = run(capsys, "evaluate", "--run", tmp_path / "run", "--patients", 20, "--out", tmp_path)
    assert "ppo" in out


def test_an_option_of_another_task_is_named(capsys, tmp_path):
    arguments = ("--env-id", "HeparinInfusion-v0", "--ancestry", "African", "--out", tmp_path)
    error = run(capsys, "evaluate", *arguments, status=2)
    assert "HeparinInfusion-v0" in error
    assert "ancestry" in error
