"""The parts of every page: escaped HTML, figures, sections, and the file that holds them."""
