"""Techniques: each turns a model into a model by adding input or adding output. One flat function each."""
