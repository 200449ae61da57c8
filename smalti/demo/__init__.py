"""The page of ``smalti demo``: a tokenizer and its priors to try by hand. It needs gradio, the extra ``demo``."""
