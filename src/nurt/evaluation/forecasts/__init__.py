"""How good is a forecast: cells, origins, back-test, intervals, metrics, baselines, audits and the verdict."""
