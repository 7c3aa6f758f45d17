"""The run of a job, step by step: `workflows.run` opens the job and its ledger, and `steps` puts the rest in order."""
