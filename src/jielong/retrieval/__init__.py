"""Indexes over documents, what embeds their chunks, and searching them."""
