"""The state over time: Jacobians of steps, Lyapunov exponents, fixed points, spectra of the weights."""
