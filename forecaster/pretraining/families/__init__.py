"""The families of synthetic series: one module each, with the ranges of its parameters and a function that draws."""
