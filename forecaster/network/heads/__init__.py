"""Heads: the meaning of a decoder's raw outputs [B, H, outputs], and the loss that trains them."""
