"""From a panel to batches of windows, as arrays: contexts, targets, covariates and calendar features."""
