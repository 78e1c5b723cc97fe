"""Evaluation of forecasts: cells, back-test, intervals, metrics, baselines, audits and the verdict."""
