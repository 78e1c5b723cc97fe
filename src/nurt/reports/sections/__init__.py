"""The sections of the pages of forecasts, by question."""
