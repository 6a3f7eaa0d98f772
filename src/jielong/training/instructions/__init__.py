"""Instruction data: templates over labelled sets, questions of people, and what a stronger model writes."""
