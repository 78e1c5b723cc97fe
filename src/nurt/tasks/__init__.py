"""Tasks for recurrent networks: forecasting, and what all tasks share."""
