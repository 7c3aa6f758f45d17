"""Heads: what the decoder's raw outputs [B, H, outputs] mean, and how far they are from what came."""
