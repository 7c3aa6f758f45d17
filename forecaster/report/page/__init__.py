"""The HTML report: one self-contained page, with a module for each command that writes results."""
