"""Tables of one's own, a file for each modality, as features to train on."""

from .read import ID, Empty, Tables, check_joined

__all__ = ["ID", "Empty", "Tables", "check_joined"]
