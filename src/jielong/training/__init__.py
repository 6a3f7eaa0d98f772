"""Training turns a model and data into a model. Needs torch: `pip install "jielong[train]"`."""
