"""`forecast report`: the results in a folder, or the ledger of a job, as a page or a figure."""
