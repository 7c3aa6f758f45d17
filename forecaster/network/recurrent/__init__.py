"""Recurrent layers: ([B, S, E], state) -> ([B, S, D], state)."""
