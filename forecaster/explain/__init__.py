"""Explanations of a forecaster: the states, gates and gradients of its networks, and the inputs that matter to it."""
