"""The parts of a job's run: what is decided, and what is kept where. `workflows.run` puts them in order."""
