"""A look inside: what a network's states, gates and gradients do, and what its forecast hangs on."""
