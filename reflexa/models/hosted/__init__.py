"""Hosted models: asked over HTTP through litellm, retried by rule, with no secret kept."""
