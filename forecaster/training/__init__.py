"""The training of a network: batches on its device, the loop, and short updates."""
