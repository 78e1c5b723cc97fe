"""Find the recurrent layers of a model, record what they do, examine them, and report what follows."""
