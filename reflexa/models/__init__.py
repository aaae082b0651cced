"""Policies: what answers messages. ``open_policy`` opens one by its model string, ``open_scorer`` a reward model,
``open_chooser`` a model's likelihoods, ``open_embedder`` an embedding model.
"""

from reflexa.models.embedding import open_embedder
from reflexa.models.options import PolicyOptions
from reflexa.models.registry import ModelForm, list_models, open_policy
from reflexa.models.scorers import open_chooser, open_scorer

__all__ = ["ModelForm", "PolicyOptions", "list_models", "open_chooser", "open_embedder", "open_policy", "open_scorer"]
