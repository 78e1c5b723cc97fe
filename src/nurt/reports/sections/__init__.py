"""The parts of a page, one file per question a person asks."""
