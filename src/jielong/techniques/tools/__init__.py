"""Tools that a model may call: Python functions, built-in ones, those of MCP servers; natively or in plain text.

The recipe names the tools; no text that a model reads or writes adds one to them. The caller's own tools
(`request.tools`) are never executed here: a call of one ends the technique.
"""
