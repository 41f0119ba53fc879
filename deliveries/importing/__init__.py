"""Orders and deliveries from a CSV of someone else's making."""
