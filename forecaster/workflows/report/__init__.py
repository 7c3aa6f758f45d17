"""`forecast report`: what a folder or a job holds, as a page or a figure."""
