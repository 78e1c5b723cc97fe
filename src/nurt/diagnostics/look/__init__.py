"""Find the recurrent layers of a model, and record what they do."""
