"""Texts of files, as tokens and n-grams."""
