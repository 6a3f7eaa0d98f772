"""Objectives: the losses that a training can minimise."""
