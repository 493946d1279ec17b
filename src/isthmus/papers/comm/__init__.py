"""Reproduction of *What to Align in Multimodal Contrastive Learning* (ICLR 2025)."""
