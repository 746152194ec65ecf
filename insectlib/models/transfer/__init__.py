"""Transfer: frozen networks, their features, heads on them, and fine-tuning."""
