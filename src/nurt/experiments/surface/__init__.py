"""Loss surfaces with a cliff."""
