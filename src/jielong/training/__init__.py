"""Training turns a model and data into a model. Needs torch: `pip install '.[train]'`.

`pretrain` and `finetune` check their settings without torch. Beneath them: a network and its tokenizer
(`network_training`), an `Objective`, a `Feed` of batches (`document_feed`), and the loop that brings them together.
"""
