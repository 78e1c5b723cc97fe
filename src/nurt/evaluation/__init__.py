"""Evaluation of forecasts against baselines, without any network.

``forecasts`` holds metrics, baselines, back-tests, calibrated intervals, audits of the pipeline, and the verdict;
``chance`` says which differences may be due to chance: significance tests, bootstrap intervals, spread over seeds.
"""
