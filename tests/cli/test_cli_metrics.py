"""`setgen metrics` explains every metric of the table."""

from setgen.cli.main import run
from setgen.climbing.sources.synthetic import synthetic_board
from setgen.metrics.metric import metrics_of


def test_every_metric_is_explained(capsys):
    assert run(["metrics"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    for metric in metrics_of(synthetic_board()).values():
        for said in (metric.name, metric.unit, metric.formula, metric.source, *metric.sees):
            assert "".join(said.split()) in shown, metric.name


def test_a_word_chooses_among_names_and_families(capsys):
    assert run(["metrics", "two-sample"]) == 0
    shown = capsys.readouterr().out
    assert "two-sample AUC (trees)" in shown
    assert "bits per hold" not in shown


def test_no_such_metric_is_one_clear_line(capsys):
    assert run(["metrics", "beauty"]) == 2
    error = capsys.readouterr().err
    assert "no metric has 'beauty'" in error
    assert error.count("\n") == 1
